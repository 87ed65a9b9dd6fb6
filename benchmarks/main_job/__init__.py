"""The main job as a whole, `nox -s smoke load batch gate`: how long it takes, by stage."""
