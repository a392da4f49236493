"""What a task or a pipeline asks of a cluster, in a line."""
