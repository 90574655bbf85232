"""Models: prompts -> responses. A file without a leading underscore is a backend; its name is the path."""
