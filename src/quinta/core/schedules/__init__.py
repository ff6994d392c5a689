"""Schedules: requests that the server makes by itself, at the times a crontab line gives."""
