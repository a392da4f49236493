"""Tell whether a newer compiled YAML can stand in for an older one."""
