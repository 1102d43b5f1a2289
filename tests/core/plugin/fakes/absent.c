/* What needs this library does not find it: it lies in no folder that the loader searches. */
int garage_fake_absent(void) { return 0; }
