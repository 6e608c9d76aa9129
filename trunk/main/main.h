/* main - the whole life of the program as a function, for entry.c and for tests. Layer: main. */
#pragma once

/* Returns the exit status. */
int srs_main(int argc, char **argv);
