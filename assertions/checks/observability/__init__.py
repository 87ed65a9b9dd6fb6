"""What a real Prometheus beside the target recorded: scrapes, rules, alerts, panels."""
