"""Drawing pieces shared by pages. A component owns its state key and nothing else."""
