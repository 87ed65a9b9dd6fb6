"""For all tests: processes that they start can be interrupted, also where the tests run in a shell's background."""

import signal

from hypothesis import settings

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as children would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)

# a busy machine is no fault of what is tested: no property test has a time limit for an example
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
