"""Run compiled pipelines on this machine, each task in its family's own environment or image."""
