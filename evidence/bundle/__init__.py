"""Run directories as bundles: the names of their files, the manifest, older runs, verification, packing, signing."""
