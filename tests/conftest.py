"""For all tests: processes that they start can be interrupted, also where the tests run in a shell's background."""

import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as children would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)
