/* What the Python side of the module shares: types and interned names.
 *
 * One per module object; every object of ours holds a pointer to it through
 * its server, and the server keeps the module alive.
 */

#ifndef HMR_ASGI_STATE_H
#define HMR_ASGI_STATE_H

#include <Python.h>

/* Interned: field name, text. */
#define STATE_STRINGS(X) \
    X(type, "type") \
    X(asgi, "asgi") \
    X(version, "version") \
    X(spec_version, "spec_version") \
    X(http_version, "http_version") \
    X(server, "server") \
    X(client, "client") \
    X(scheme, "scheme") \
    X(root_path, "root_path") \
    X(headers, "headers") \
    X(state, "state") \
    X(method, "method") \
    X(path, "path") \
    X(raw_path, "raw_path") \
    X(query_string, "query_string") \
    X(status, "status") \
    X(body, "body") \
    X(more_body, "more_body") \
    X(trailers, "trailers") \
    X(more_trailers, "more_trailers") \
    X(http, "http") \
    X(http_request, "http.request") \
    X(websocket, "websocket") \
    X(websocket_connect, "websocket.connect") \
    X(websocket_receive, "websocket.receive") \
    X(websocket_disconnect, "websocket.disconnect") \
    X(text, "text") \
    X(bytes, "bytes") \
    X(code, "code") \
    X(reason, "reason") \
    X(subprotocol, "subprotocol") \
    X(subprotocols, "subprotocols") \
    X(extensions, "extensions") \
    X(http_disconnect, "http.disconnect") \
    X(http_1_0, "1.0") \
    X(http_1_1, "1.1") \
    X(loop, "loop") \
    X(eager_start, "eager_start") \
    X(context, "context") \
    X(done, "done") \
    X(cancel, "cancel") \
    X(cancelled, "cancelled") \
    X(exception, "exception") \
    X(result, "result") \
    X(set_result, "set_result") \
    X(add_done_callback, "add_done_callback") \
    X(create_future, "create_future") \
    X(add_reader, "add_reader") \
    X(remove_reader, "remove_reader") \
    X(call_soon, "call_soon") \
    X(call_later, "call_later") \
    X(send, "send") \
    X(throw_, "throw") \
    X(close, "close")

struct module_state {
    PyTypeObject *server_type;
    PyTypeObject *exchange_type;
    PyTypeObject *wait_type;
    PyTypeObject *done_type;
    PyObject *done;                /* the awaitable that is done; stateless */
    PyObject *task_type;           /* asyncio.Task */
    PyObject *cancelled_error;     /* asyncio.CancelledError */
    PyObject *client_disconnected; /* our own, an OSError */
    PyObject *coroutine_of;  /* a coroutine that awaits what it is given */
    PyObject *task_keywords; /* ("loop", "eager_start") */
    PyObject *empty_bytes;
    struct {
#define STATE_FIELD(field, text) PyObject *field;
        STATE_STRINGS(STATE_FIELD)
#undef STATE_FIELD
    } str;
};

static inline struct module_state *
state_of(PyObject *module)
{
    return PyModule_GetState(module);
}

#endif
