#ifndef CARE_OPERATIONS_H
#define CARE_OPERATIONS_H

#include "base/shape.h"
#include "gate/op.h"

/* Operations that answer alike are described once. */
#define access_rules_patch_out access_rules_read_out
#define approval_list_out      account_approvals_out
#define approval_refuse_out    approval_confirm_out
#define difference_resolve_out difference_list_out
#define emergency_search_out   patient_search_out
#define fee_patch_out	       fee_list_out
#define incident_close_out     incident_read_out
#define incident_list_out      incident_read_out
#define incident_open_out      incident_read_out
#define incident_patch_out     incident_read_out
#define invitation_resend_out  patient_account_out
#define job_retry_out	       job_list_out
#define patient_patch_out      patient_read_out
#define payment_create_out     payment_read_out
#define payment_list_out       payment_read_out
#define payment_refund_out     payment_read_out
#define payment_restrict_out   payment_read_out
#define policy_patch_out       policy_read_out
#define recording_consent_out  recording_stands_members
#define recording_finish_out   recording_stands_members
#define recording_release_out  recording_hold_out
#define recording_start_out    recording_stands_members
#define recording_stop_out     recording_stands_members
#define session_totp_out       session_create_out
#define user_compromise_out    user_read_out
#define user_create_out	       patient_account_out
#define user_deactivate_out    user_read_out
#define user_patch_out	       user_read_out
#define user_reactivate_out    user_read_out
#define user_reset_totp_out    user_reset_password_out
#define user_sessions_out      account_sessions_out
#define user_unlock_out	       user_read_out
#define visit_admit_out	       visit_check_in_out
#define visit_cancel_out       visit_check_in_out
#define visit_end_out	       visit_check_in_out
#define visit_list_out	       visit_read_out
#define visit_no_show_out      visit_check_in_out
#define visit_patch_out	       visit_read_out

/*
 * Every operation of tables/routes.def: the function, the shape of what it
 * takes (body, or query of a GET) and of what it answers (of one item, for
 * routes that list). What takes or answers nothing has no shape (route_table.c).
 */
#define ROUTE(                                                                 \
    method, path, operation, open, permission, subject, event, traits)         \
	NODISCARD enum err operation(struct op *);                             \
	extern const struct shape operation##_in[];                            \
	extern const struct shape operation##_out[];
#include "tables/routes.def"

#include "reports.def"
#undef ROUTE

#endif
