# A recipe that runs its sub-make under $(LASTOUT): the jobserver must reach the sub-make, or it
# says so on stderr and builds one thing at a time.
all:
	+@$(LASTOUT) $(MAKE) -f $(firstword $(MAKEFILE_LIST)) inner

inner: one two

one two:
	@echo $@
