"""The run directory as a bundle: its files, their hashes, verification, packing, attestation."""
