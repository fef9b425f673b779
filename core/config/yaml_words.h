#ifndef DRAGOMAN_CORE_CONFIG_YAML_WORDS_H
#define DRAGOMAN_CORE_CONFIG_YAML_WORDS_H

#include <yaml.h>

#include "tree.h"

/* yaml_words.h - what libyaml complains about, in words for an administrator.
 * Adds one error with its place. */
void dg_yaml_problem(const yaml_parser_t *p, struct dg_str text,
    const char *file, const char *set, struct dg_errors *errors);

#endif
