/*
 * TDIs and private memory in the human monitor: info tdi, info private_memory,
 * tdi_bind, tdi_unbind
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef MONITOR_HMP_TDI_H
#define MONITOR_HMP_TDI_H

void hmp_info_private_memory(Monitor *mon, const QDict *qdict);
void hmp_info_tdi(Monitor *mon, const QDict *qdict);
void hmp_tdi_bind(Monitor *mon, const QDict *qdict);
void hmp_tdi_unbind(Monitor *mon, const QDict *qdict);

#endif /* MONITOR_HMP_TDI_H */
