/* TODO: finish */
/* see /home/jane/notes; build/home/jane is fine, and so is mkstemp("XXXXXX") */
/* network/home/ is fine, FIXME is not */
