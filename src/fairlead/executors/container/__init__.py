"""The executor `container`: each job, or chunk of jobs, in a container of Docker or Podman."""
