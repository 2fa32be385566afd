// OAuth 2.0 Form Post Response Mode: submit what the page holds.
document.forms[0].submit();
