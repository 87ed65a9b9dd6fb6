"""The catalogue of targets: export services of our own, healthy and broken, by which the harness itself is judged.

Every target implements the contract over real HTTP. A healthy one must come out GREEN, a faulty one must not, and for a
reason that fits its fault. Nothing here knows the reference service.
"""
