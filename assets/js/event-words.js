// What happened, in words: for those who watch over the log, and for the
// patient whose record it was about. Every kind of event is here, by the name
// under which it is stored.

/** @type {Record<string, string>} */
const LOG = {
  'session.created': 'Signed in with a password',
  'session.read': 'Looked at the own session',
  'session.factor': 'Signed in with a code',
  'session.recovered': 'Signed in with a recovery code',
  'session.stepped_up': 'Entered a fresh code',
  'session.ended': 'Signed out',
  'session.listed': 'Looked at the own devices',
  'password.changed': 'Changed the own password',
  'totp.offered': 'Began to set up an authenticator app',
  'totp.confirmed': 'Set up an authenticator app',
  'user.listed': 'Looked at a list of accounts',
  'user.created': 'Made an account',
  'user.read': 'Looked at an account',
  'user.updated': 'Changed an account',
  'user.deactivated': 'Closed an account',
  'user.reactivated': 'Opened an account again',
  'user.unlocked': 'Unlocked an account',
  'user.password_reset': 'Reset a password',
  'user.totp_reset': 'Reset an authenticator app',
  'user.compromised': 'Marked a password as known to others',
  'invitation.accepted': 'Opened an account by its link',
  'invitation.read': 'Looked at the link of an account',
  'invitation.sent': 'Sent the link of an account',
  'approval.listed': 'Looked at requests for a second person',
  'approval.confirmed': 'Confirmed a request',
  'approval.refused': 'Refused a request',
  'policy.read': 'Looked at the clinic’s policy',
  'policy.updated': 'Changed the clinic’s policy',
  'patient.created': 'Made a record',
  'patient.read': 'Opened a record',
  'patient.updated': 'Changed a record',
  'patient.searched': 'Searched for patients',
  'patient.invited': 'Invited a patient to the portal',
  'patient.accesses_read': 'Looked at who opened a record',
  'care_team.read': 'Looked at a care team',
  'care_team.added': 'Added to a care team',
  'care_team.removed': 'Removed from a care team',
  'visit.booked': 'Booked a visit',
  'visit.listed': 'Looked at a list of visits',
  'visit.read': 'Looked at a visit',
  'visit.updated': 'Changed a visit',
  'visit.checked_in': 'Checked in to a visit',
  'visit.admitted': 'Let the patient into a visit',
  'visit.ended': 'Ended a visit',
  'visit.cancelled': 'Cancelled a visit',
  'visit.no_show': 'Noted that the patient did not come',
  'visit.ice_servers': 'Prepared the call of a visit',
  'visit.joined': 'Joined the call of a visit',
  'recording.asked': 'Asked to record a call',
  'recording.answered': 'Answered whether a call may be recorded',
  'recording.started': 'Began to record a call',
  'recording.stopped': 'Stopped recording a call',
  'recording.chunk_presigned': 'Prepared the upload of a part of a recording',
  'recording.chunk_uploaded': 'Uploaded a part of a recording',
  'recording.chunk_refused': 'Found a part of a recording damaged',
  'recording.finished': 'Finished a recording',
  'recording.listed': 'Looked at a list of recordings',
  'recording.read': 'Looked at the details of a recording',
  'recording.played': 'Played a recording',
  'recording.held': 'Put a recording on hold',
  'recording.released': 'Ended the hold of a recording',
  'recording.deletion_asked': 'Asked for the deletion of a recording',
  'recording.verified': 'Checked a recording in the store',
  'recording.deleted': 'Deleted a recording',
  'audit.read': 'Looked at this log',
  'audit.exported': 'Took a copy of this log',
  'audit.people_found': 'Looked for a person in this log',
  'request.refused': 'Asked for what there is not',
  'job.listed': 'Looked at work that failed',
  'job.retried': 'Had failed work tried again',
  'mail.sent': 'Sent a mail',
  'sweep.done': 'Tidied up',
};

/**
 * What patients read, where it is said another way to them.
 * @type {Record<string, string>}
 */
const OWN = {
  'user.listed': 'Saw your name in a list of accounts',
  'user.read': 'Looked at your portal account',
  'user.updated': 'Changed your portal account',
  'user.deactivated': 'Closed your portal account',
  'user.reactivated': 'Opened your portal account again',
  'user.unlocked': 'Unlocked your portal account',
  'user.password_reset': 'Reset your password',
  'user.totp_reset': 'Reset your authenticator app',
  'user.compromised': 'Marked your password as known to others',
  'invitation.sent': 'Sent you a link to the portal',
  'approval.listed': 'Saw your name in a list of requests',
  'approval.confirmed': 'Confirmed a change to your portal account',
  'approval.refused': 'Refused a change to your portal account',
  'patient.created': 'Made your record',
  'patient.read': 'Opened your record',
  'patient.updated': 'Changed your record',
  'patient.searched': 'Found you in a search',
  'patient.invited': 'Invited you to the portal',
  'patient.accesses_read': 'Looked at who opened your record',
  'care_team.read': 'Looked at your care team',
  'care_team.added': 'Added somebody to your care team',
  'care_team.removed': 'Removed somebody from your care team',
  'visit.booked': 'Booked a visit for you',
  'visit.listed': 'Saw your visit in a list',
  'visit.read': 'Looked at your visit',
  'visit.updated': 'Changed your visit',
  'visit.checked_in': 'Checked you in',
  'visit.admitted': 'Let you into your visit',
  'visit.ended': 'Ended your visit',
  'visit.cancelled': 'Cancelled your visit',
  'visit.no_show': 'Noted that you did not come',
  'visit.ice_servers': 'Prepared the call of your visit',
  'visit.joined': 'Joined your visit',
  'recording.asked': 'Asked to record your call',
  'recording.answered': 'Answered whether your call may be recorded',
  'recording.started': 'Began to record your call',
  'recording.stopped': 'Stopped recording your call',
  'recording.chunk_presigned': 'Prepared the upload of a part of your recording',
  'recording.chunk_uploaded': 'Uploaded a part of your recording',
  'recording.chunk_refused': 'Found a part of your recording damaged',
  'recording.finished': 'Finished your recording',
  'recording.listed': 'Saw your recording in a list',
  'recording.read': 'Looked at the details of your recording',
  'recording.played': 'Played your recording',
  'recording.held': 'Put your recording on hold',
  'recording.released': 'Ended the hold of your recording',
  'recording.deletion_asked': 'Asked for the deletion of your recording',
  'recording.verified': 'Checked your recording in the store',
  'recording.deleted': 'Deleted your recording',
  'audit.read': 'Saw your name in the clinic’s log',
  'audit.people_found': 'Found your name for the clinic’s log',
  'mail.sent': 'Sent you a mail',
};

/** @type {Record<string, string>} HL7's codes, as the server stores them */
const PURPOSES = { TREAT: 'Your care', HOPERAT: 'Planning your visits',
  HSYSADMIN: 'Looking after accounts and the system',
  HCOMPL: 'Checking that records are used rightly',
  PATRQT: 'Your own wish', BTG: 'An emergency' };

/**
 * Why something was refused, as the log is searched by it.
 * @type {Record<string, string>}
 */
export const OUTCOMES = {
  not_found: 'Refused: not theirs, or not there',
  invalid_credentials: 'Wrong name or password',
  invalid_code: 'Wrong code', invalid_phrase: 'Wrong phrase',
  too_many_requests: 'Too many tries',
  not_signed_in: 'Not signed in', origin_refused: 'Came from another site',
  totp_required: 'No code yet',
  totp_enrolment_required: 'No authenticator app yet',
  password_expired: 'Password expired', step_up_required: 'No fresh code',
  weak_password: 'Password too easy', password_reused: 'Password used before',
  link_expired: 'Link ended', not_confirmed: 'Link not confirmed yet',
  own_request: 'Own request', own_account: 'Own account',
  wrong_status: 'Not possible then', slot_taken: 'Time taken',
  stale: 'Changed by somebody else meanwhile',
};

/** @param {string} outcome such as "ok" or "not_found" */
export const outcomeWords = (outcome) => outcome === 'ok' ? 'Succeeded'
  : OUTCOMES[outcome] ?? 'Refused: not valid';

/** @param {string} event such as "patient.read" */
export const eventWords = (event) => LOG[event] ?? 'Did something else';

/** @param {string} event */
export const ownEventWords = (event) => OWN[event] ?? eventWords(event);

/** @param {string} purpose such as "TREAT" */
export const purposeWords = (purpose) => PURPOSES[purpose] ?? 'Another reason';
