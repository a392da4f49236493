"""Find what will go wrong in compiled YAML before it runs."""
