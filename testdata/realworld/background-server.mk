# A build that needs a server for its tests and never stops it. The `+` hands the recipe make's
# jobserver, and with it everything that the recipe starts.
all: one two three

one two three: server
	@echo $@

server:
	+@$(dir $(MAKEFILE_LIST))takes-a-token.py
