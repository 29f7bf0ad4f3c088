#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>

/* Variadic functions are not imported: one call for each way to log in. */
static inline amqp_rpc_reply_t belfry_amqp_login_plain(
    amqp_connection_state_t state, char const *vhost, int heartbeat_seconds,
    const amqp_table_t *properties, char const *user, char const *password) {
  return amqp_login_with_properties(state, vhost, AMQP_DEFAULT_MAX_CHANNELS,
                                    AMQP_DEFAULT_FRAME_SIZE, heartbeat_seconds, properties,
                                    AMQP_SASL_METHOD_PLAIN, user, password);
}

/* The client certificate says who we are. */
static inline amqp_rpc_reply_t belfry_amqp_login_external(
    amqp_connection_state_t state, char const *vhost, int heartbeat_seconds,
    const amqp_table_t *properties) {
  return amqp_login_with_properties(state, vhost, AMQP_DEFAULT_MAX_CHANNELS,
                                    AMQP_DEFAULT_FRAME_SIZE, heartbeat_seconds, properties,
                                    AMQP_SASL_METHOD_EXTERNAL, "");
}
