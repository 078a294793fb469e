/*
 * The files of tdisp-test
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TDISP_TEST_H
#define TDISP_TEST_H

void tdisp_test_add_doe(void);
void tdisp_test_add_config(void);
void tdisp_test_add_data(void);
void tdisp_test_add_dma(void);
void tdisp_test_add_vf(void);
void tdisp_test_add_knobs(void);
void tdisp_test_add_nvme(void);
void tdisp_test_add_spdm(void);
void tdisp_test_add_svm(void);

#endif /* TDISP_TEST_H */
