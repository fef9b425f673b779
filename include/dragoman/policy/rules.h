#ifndef DRAGOMAN_POLICY_RULES_H
#define DRAGOMAN_POLICY_RULES_H

#include "dragoman/smtp/client.h"
#include "dragoman/smtp/dialect.h"

/*
 * rules.h - a policy compiled: plain data, immutable, shared by all workers,
 * owned by its generation.  Lua functions in it are hook numbers: every
 * worker's state has the same functions under the same numbers, because
 * loading is deterministic.
 */
enum dg_question {
#define Q(id, name, kind, here, wait_ms, safe, fields, answers, when) \
	DG_Q_##id,
#include "dragoman/policy/questions.def"
#undef Q
	DG_Q_N
};
const char *dg_question_name(enum dg_question q);

/* Hook numbers of a peer's, hop's or the policy's `on`; 0 = none. */
struct dg_hooks {
	int of[DG_Q_N];
};

/* "a@b.example" "b.example" "*.b.example" "sales-*"; several = any. */
struct dg_patterns {
	const char *const *v;
	size_t n; /* 0: matches everything */
};
bool dg_patterns_match(const struct dg_patterns *p, struct dg_str address);
/* Whatever matches b matches a.  False when it is not sure. */
bool dg_patterns_cover(const struct dg_patterns *a,
    const struct dg_patterns *b);

struct dg_net {
	unsigned char bytes[16]; /* IPv4 as ::ffff:a.b.c.d */
	unsigned bits;           /* of 128 */
};
/* "10.0.0.0/24", "::1", "10.0.0.5". */
bool dg_net_read(struct dg_str s, struct dg_net *out);
bool dg_net_has(const struct dg_net *n, struct dg_str address);
/* Every address of b is in a. */
bool dg_net_covers(const struct dg_net *a, const struct dg_net *b);

struct dg_peer {
	const char *name;
	struct dg_where where;
	struct dg_row *row; /* NULL: nobody counts */
	struct {
		const struct dg_net *nets;
		size_t n_nets;
		const char *listener; /* NULL: any */
		struct dg_patterns helo, user;
	} match;
	const struct dg_dialect *dialect;
	const char *users;       /* table of users, NULL: nobody can log in */
	unsigned mechs;          /* DG_MECH_BIT: may be used; what "AUTH *" is */
	bool auth_required;
	bool tls_offer;          /* STARTTLS shown (when the listener has TLS) */
	bool tls_require;
	bool names_address;      /* match.address given: clear text may be taken
	                          * without TLS */
	uint64_t size, recipients, connections; /* 0: the listener's */
	struct dg_hooks on;
};

struct dg_hop_login {
	enum dg_mech mech;
	const char *secret; /* of YAML's secrets, or NULL */
	const char *user;   /* beside a token, or alone; or NULL */
	const char *token;  /* of YAML's tokens, or NULL */
	struct dg_where where;
};

struct dg_hop {
	const char *name;
	struct dg_where where;
	struct dg_row *row; /* NULL: nobody counts */
	const char *const *hosts;         /* n_hosts == 0: is_mx */
	size_t n_hosts;
	bool is_mx;                       /* the MX hosts of the recipient's
	                                   * domain; one lane a domain */
	uint64_t mx_port;                 /* theirs: 25 */
	bool mx_loopback;                 /* an MX may be this machine */
	bool is_lmtp;                     /* hosts: one, or "unix:/path" */
	const struct dg_dialect *dialect; /* NULL: by what EHLO shows */
	enum dg_tls_policy tls;
	const struct dg_hop_login *logins;
	size_t n_logins;
	const char *helo;                 /* NULL: our host name */
	const char *source;               /* local address or NULL */
	uint64_t connections;             /* 0: limits.lane_connections */
	uint64_t messages_a_connection;   /* 0: limits.messages_a_connection */
	uint64_t rate_n;                  /* messages in rate_ms; 0: no rate */
	int64_t rate_ms;
	const int64_t *retry_ms;          /* the last repeats; n >= 1 */
	size_t n_retry;
	int64_t give_up_ms;
	int64_t warn_ms;                  /* the sender is told of the delay;
	                                   * 0: never */
	bool refuse_8bit;
	bool has_when[DG_MEANING_N];
	enum dg_action when[DG_MEANING_N];
	struct dg_hooks on;
};

enum dg_route_kind { DG_ROUTE_HOP, DG_ROUTE_REFUSE, DG_ROUTE_ASK };
struct dg_route {
	struct dg_where where;
	struct dg_row *row; /* NULL: nobody counts */
	struct dg_patterns to, from, user;
	const char *peer;        /* NULL: any */
	uint64_t size;           /* messages of at least this declared size; 0: any */
	enum dg_route_kind kind;
	const struct dg_hop *hop;
	int code;
	char enhanced[12];
	const char *text;
	int ask;                 /* hook number */
};

struct dg_words_row {
	struct dg_where where;
	struct dg_row *row; /* NULL: nobody counts */
	enum dg_meaning meaning; /* when code == 0 */
	int code;
	char enhanced[12];
	const char *text;        /* with {placeholders}; NULL: hook */
	int hook;
};
struct dg_words {
	struct dg_where where;
	struct dg_row *row; /* NULL: nobody counts */
	struct dg_patterns to, from;
	const char *peer, *hop;  /* NULL: any */
	const char *lang, *subject; /* NULL: none said */
	const struct dg_words_row *rows; /* own rows, then those of `like` */
	size_t n_rows;
	int set_ref;             /* number of the table given as `set`; 0 = none */
};

struct dg_rules {
	const struct dg_dialect *const *dialects;
	size_t n_dialects;
	const struct dg_peer *const *peers; /* file order; the built-in "anyone"
	                                     * is not among them */
	size_t n_peers;
	const struct dg_hop *const *hops;
	size_t n_hops;
	const struct dg_hop *const *hops_by_name; /* the same, sorted */
	const struct dg_route *routes;
	size_t n_routes;
	const struct dg_words *words;
	size_t n_words;
	struct dg_hooks on;      /* d.on.NAME */
	bool wants[DG_Q_N];      /* somebody has a hook for it */
};

const struct dg_hop *dg_rules_hop(const struct dg_rules *r, struct dg_str name);
/* First full match in file order; what is not known yet ("") does not match a
 * key that is given.  NULL: the built-in peer "anyone". */
struct dg_peer_query {
	struct dg_str address, listener, helo, user;
};
const struct dg_peer *dg_rules_peer(const struct dg_rules *r,
    const struct dg_peer_query *q);

#endif
