"""Those who take a whole graph and run it themselves; see `fairlead.ports.Orchestrator`."""
