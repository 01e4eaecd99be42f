/*
 * XML as JSON trees: what a server answers is read into one, what it is asked is written from one. The only door to libexpat.
 *
 *     <a:list n="2" xmlns:a="urn:x">            {"a:list": {"@n": "2", "@xmlns:a": "urn:x",
 *       <item>one</item><item>two</item>                    "item": ["one", "two"],
 *       <note lang="en">fine</note>                         "note": {"@lang": "en", "$": "fine"},
 *       <empty/></a:list>                                   "empty": ""}}
 *
 * An element is a member of the object around it; its name is what was written, prefix and all. One that has neither attributes nor
 * elements is its text, byte for byte; else it is an object with "@name" for each attribute, a member for each element, and "$" for the
 * text, which beside elements is trimmed and left out when there is none. Elements of one name in one place are an array in the order
 * they came. A single one is none, unless its place is named:
 *
 *     "data/value"      elements `value` that stand directly in `data`, wherever that is
 *     "/list/item"      the same from the root on
 *
 * The order among elements of different names is lost in reading and is that of the members in writing, which is all that XML-RPC,
 * SOAP and the sequences of schemas need.
 *
 * What comes from a peer may lie: size, depth and number of nodes are capped, and a document type - with it every entity of its own - is
 * refused before anything in it is looked at. Nothing is ever fetched.
 */
#ifndef BASE_XML_H
#define BASE_XML_H

#include "base/json.h"

enum { XML_DEPTH_MAX = 48, XML_NODES_MAX = 200000 };

/* *ret_tree: an object with the root as its one member; the caller's. arrays: places, ended by NULL, or NULL for none. Encodings: UTF-8,
 * UTF-16, ISO-8859-1, US-ASCII. Kind BROKEN. */
bool xml_parse(struct str text, size_t max_len, const char *const *arrays, struct json **ret_tree,
               struct err *err);

/* The other way, compact and with the declaration before it. Numbers and booleans become their texts, null an empty element, an empty
 * array nothing. Kinds: REFUSED (what XML cannot say: no single root, a name that is none, control bytes, an array in an array, too
 * deep). On failure `out` holds a part. */
bool xml_format(const struct json *tree, struct buf *out, struct err *err);

/* One text as it stands between tags or in an attribute. Bytes that XML cannot hold become U+FFFD. */
void xml_escape(struct buf *out, struct str text);

/* Can it be the name of an element or, without its '@', of an attribute? ASCII only. */
bool xml_name_is_good(struct str name);
/* Is it one of the places that `arrays` takes? */
bool xml_place_is_good(struct str place);

#endif
