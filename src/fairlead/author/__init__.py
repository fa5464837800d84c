"""Front ends: functions and steps become one graph. Nothing here runs a task."""
