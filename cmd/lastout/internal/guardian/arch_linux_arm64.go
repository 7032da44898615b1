package guardian

// restorerFlag is SA_RESTORER, which is not used here: the kernel brings the return from a handler.
const restorerFlag = 0
