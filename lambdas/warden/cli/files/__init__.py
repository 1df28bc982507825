"""Security profiles, custom metrics and dimensions as files: apply, export, import."""
