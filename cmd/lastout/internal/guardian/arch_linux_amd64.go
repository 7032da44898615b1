package guardian

// restorerFlag is SA_RESTORER, which every handler needs here.
const restorerFlag = 0x04000000
