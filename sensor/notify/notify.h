/*
 * notify.h - tells the service manager how the sensor is: sd_notify(3), Type=notify.
 *
 * A message is one datagram of NAME=VALUE lines to the socket that NOTIFY_SOCKET names. That is all
 * of the protocol, and systemd keeps it stable for whoever writes it by hand, as is done here: the
 * socket is opened once, before rights are given up, whereas libsystemd opens one for each message.
 *
 * Without NOTIFY_SOCKET every call does nothing. Nothing here blocks or fails: a manager that does
 * not listen is its own affair. Any thread may call.
 */
#ifndef DOWNGRD_NOTIFY_H
#define DOWNGRD_NOTIFY_H

#include <stdint.h>

enum { NOTIFY_MAX_STATUS = 256 };

/* Before anything else of this. Forgets NOTIFY_SOCKET. */
void notify_open(void);
void notify_close(void);

void notify_ready(void);     /* packets are being read; also after a reload */
void notify_reloading(void); /* SIGHUP: the configuration is being read again */
void notify_stopping(void);
/* One line for `systemctl status`; control characters become blanks. */
void notify_status(const char *text);

/* How often notify_alive() is to be called at least, half of what the manager waits
 * (WATCHDOG_USEC); 0: it does not wait. */
uint64_t notify_watchdog_us(void);
/* Everything that must go on goes on. */
void notify_alive(void);

#endif
