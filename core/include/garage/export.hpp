#pragma once

// What libgarage.so exports; everything else is hidden.
#define GARAGE_API __attribute__((visibility("default")))
