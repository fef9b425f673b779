#ifndef TESTS_UNIT_SUPPORT_HEX_H
#define TESTS_UNIT_SUPPORT_HEX_H

#include <stddef.h>
#include <stdint.h>

/* hex.h - bytes of a vector; NULL reads as nothing.  Ends the program when
 * there is no room.  Returns how many. */
size_t unhex(const char *hex, uint8_t *out, size_t room);

#endif
