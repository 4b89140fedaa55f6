/* Reason phrases, as Python's http.HTTPStatus has them. */

#ifndef HMR_ASGI_STATUS_H
#define HMR_ASGI_STATUS_H

/* "" for a status without one. */
const char *status_phrase(int status);

#endif
