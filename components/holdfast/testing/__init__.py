"""Run components in tests."""
