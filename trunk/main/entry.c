/* Where the program begins. Nothing else stands here, so that tests can run all the rest. */
#include "co/co.h"
#include "main/main.h"

int main(int argc, char **argv)
{
	return srs_main(argc, argv);
}
