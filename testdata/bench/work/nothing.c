/* true(1), but static: what is measured is what is around it. */
int main(void)
{
	return 0;
}
