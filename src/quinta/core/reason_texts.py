"""What the codes of reasons.py mean, and what to do about them: the sentences of docs/reason-codes.md."""

from __future__ import annotations

from typing import Final, NamedTuple

from quinta.core.reasons import Reason


class Text(NamedTuple):
    """For the person whose request, build or message it is."""

    meaning: str
    remedy: str


TEXTS: Final[dict[Reason, Text]] = {
    # Before an instance has the request.
    Reason.QUEUE_TIMEOUT: Text(
        "The time-out passed while the request waited for a free instance.",
        "Allow more instances or a longer time-out, or send fewer requests at a time.",
    ),
    Reason.QUEUE_FULL: Text(
        "Too many requests waited already when this one came.",
        "Send it again later, allow more instances, or send batch requests, which wait as long as it takes.",
    ),
    Reason.NO_ROOM: Text(
        "The time-out passed while the machine had no memory or cores free for another instance.",
        "Lower the memory allocation or the minimum of instances of versions, or run fewer at a time.",
    ),
    Reason.ALLOCATION_TOO_LARGE: Text(
        "The version's memory allocation is more than the server has for all instances together.",
        "Lower memory_allocation of the version; the operator can raise QUINTA_INSTANCE_MEMORY_MB.",
    ),
    Reason.INPUT_TIMEOUT: Text(
        "The time-out passed while the files of the input were fetched.",
        "Allow a longer time-out, or send smaller files.",
    ),
    Reason.INPUT_BLOB_GONE: Text(
        "A blob that the input names had expired or was deleted before the request's turn came.",
        "Upload the file again, with a longer time to live, and send the request again.",
    ),
    Reason.INPUT_UNAVAILABLE: Text(
        "The files of the input could not be read, or not be given to the instance.",
        "Send the request again; when it happens again, the server's own log says more.",
    ),
    # While an instance starts.
    Reason.COLD_START_TIMEOUT: Text(
        "The time-out passed while an instance for the request was still starting.",
        "Allow a longer time-out, load less at the start, or keep a minimum of one instance.",
    ),
    Reason.START_RETRY_TIMEOUT: Text(
        "The time-out passed during the pause after a failed start.",
        "Look into the log for why instances do not start.",
    ),
    Reason.START_TOOK_TOO_LONG: Text(
        "The model was not ready within the time that the server gives to one start.",
        "Load less in the module and in the constructor.",
    ),
    Reason.START_NO_MODEL_FILE: Text(
        "The package has no file of the name that the version wants, and no application.py.",
        "Put model.py or application.py into the root of the package, or name the model's file in ML_MODEL_FILE_NAME.",
    ),
    Reason.START_NO_MODEL_CLASS: Text(
        "The model's file has no class Model.",
        "Define the class Model in it.",
    ),
    Reason.START_NO_REQUEST_METHOD: Text(
        "The class Model has no method request.",
        "Define request(self, data) in it.",
    ),
    Reason.START_NO_RUN_FUNCTION: Text(
        "The file application.py has no function run, and there is no model's file beside it.",
        "Define run(inputs, outputs, params, logger) in it.",
    ),
    Reason.START_IMPORT_ERROR: Text(
        "The model's file, or application.py, raised an exception while it was imported.",
        "Read the traceback in the log; a module that is missing belongs into requirements.txt.",
    ),
    Reason.START_CONSTRUCTOR_ERROR: Text(
        "The constructor of the class Model raised an exception.",
        "Read the traceback in the log.",
    ),
    Reason.START_EXITED: Text(
        "The code ended its own process before the model was ready.",
        "Take the call of exit out of the code, or see in the log why a library made it.",
    ),
    Reason.START_KILLED_BY_SIGNAL: Text(
        "A signal ended the instance before the model was ready: a crash in native code, as a rule.",
        "Look for libraries that were built for another machine or another Python.",
    ),
    Reason.START_IMPOSSIBLE: Text(
        "The server could not start a process for the instance.",
        "The server's own log says why; when what was built is gone, upload the package again.",
    ),
    Reason.START_DISK_FULL: Text(
        "The disk of the server is full: no folder for the instance could be made.",
        "The operator has to free space.",
    ),
    Reason.CRASH_LOOPING: Text(
        "Instances failed several times in a row; until the pause ends no new one is tried.",
        "Look into the log for why they fail; a new build or a changed variable is tried at once.",
    ),
    # While an instance has the request.
    Reason.MODEL_ERROR: Text(
        "The method request, or the function run of an application, raised an exception.",
        "Read the traceback in the log of the request.",
    ),
    Reason.MODEL_CALLED_EXIT: Text(
        "The method request, or the function run of an application, called sys.exit.",
        "Return a result or raise an exception instead.",
    ),
    Reason.RESULT_NOT_JSON: Text(
        "The result has a value that JSON has no form for, such as NaN or an object of a class.",
        "Return numbers, strings, booleans, lists and dictionaries; the message names the field.",
    ),
    Reason.RESULT_WRONG_TYPE: Text(
        "The result, or one of its fields, is not of the type that the model declares.",
        "Return what the output fields say; the message names the field.",
    ),
    Reason.RESULT_MISSING_FIELD: Text(
        "The result lacks a field that the model declares.",
        "Return every output field; the message names the one that is missing.",
    ),
    Reason.RESULT_TOO_LARGE: Text(
        "The result, or a file in it, is larger than one may be.",
        "Return large data as a file, in an output field of type blob, or less of it.",
    ),
    Reason.RESULT_BAD_FILE: Text(
        "An output field of type blob does not name a regular file that the code may hand over.",
        "Return the path of a file that the code has written.",
    ),
    Reason.RESULT_NOT_KEPT: Text(
        "The server could not store the files of the result.",
        "Send the request again; the server's own log says why, a full disk among the causes.",
    ),
    Reason.OUTPUT_TOO_LARGE: Text(
        "The job left more files, or more bytes, in its output folder than may be kept.",
        "Write less into the output folder; the message has the limit.",
    ),
    Reason.RESULT_TOO_LARGE_TO_HAND_ON: Text(
        "The result is too large for the objects of the pipeline that get it.",
        "Hand large data on as blobs.",
    ),
    Reason.RUN_TIMEOUT: Text(
        "The code was still running when the time-out passed; its instance was killed.",
        "Allow a longer time-out, or send a batch request.",
    ),
    Reason.PIPELINE_TIMEOUT: Text(
        "The time-out of the whole pipeline passed before this part of it had ended.",
        "Allow a longer pipeline_timeout, or send a batch request.",
    ),
    Reason.MEMORY: Text(
        "The instance needed more memory than its allocation.",
        "Raise memory_allocation of the version, or hold less at a time.",
    ),
    Reason.START_MEMORY: Text(
        "Importing and constructing the model needed more memory than its allocation.",
        "Raise memory_allocation of the version, or load less at the start.",
    ),
    Reason.EXITED: Text(
        "The process of the instance ended by itself, without an answer.",
        "See the last lines of the log: the code, or a library, ended it.",
    ),
    Reason.KILLED: Text(
        "Something killed the process of the instance (SIGKILL): an operator, or the kernel when the machine was full.",
        "Send the request again; a batch request or a job is run again by itself (decisions 0018 and 0021).",
    ),
    Reason.KILLED_BY_SIGNAL: Text(
        "A signal ended the process of the instance: a crash in native code, or somebody's kill.",
        "See the last lines of the log; send the request again when the machine was at fault.",
    ),
    Reason.PROTOCOL_BROKEN: Text(
        "The code wrote into the connection between the instance and the server.",
        "Leave descriptors alone that the code has not opened itself.",
    ),
    Reason.CONNECTION_CLOSED: Text(
        "The code closed the connection between the instance and the server.",
        "Leave descriptors alone that the code has not opened itself.",
    ),
    Reason.GIVEN_UP: Text(
        "The server failed, or ended several times, while it worked on the request.",
        "The server's own log says why; send the request again then.",
    ),
    # By a limit, a decision of somebody, or the operation of the server.
    Reason.PROCESSES: Text(
        "The instance had more processes and threads than it may have.",
        "Start fewer, and wait for those that have ended.",
    ),
    Reason.DISK: Text(
        "The code wrote more to its scratch space, or into one file, than it may, or than the disk holds.",
        "Write less, and remove files that are not needed any more.",
    ),
    Reason.VERSION_DELETED: Text(
        "The version was deleted while the request waited or ran.",
        "Send the request to another version.",
    ),
    Reason.ORGANIZATION_SUSPENDED: Text(
        "The organization was suspended, and runs nothing until it is active again.",
        "See the limits of its subscription.",
    ),
    Reason.SERVER_STOPPING: Text(
        "The server stopped while the request waited or ran.",
        "Send the request again when the server is back; batch requests go on by themselves.",
    ),
    Reason.INSTANCE_STOPPED: Text(
        "The server stopped the instance: a newer one replaced it, or it was not needed any more.",
        "Nothing; the line in the log says what for.",
    ),
    Reason.CANCELLED: Text(
        "The request was deleted, or whoever waited for it went away, before it had ended.",
        "Wait for the answer, or send a batch request and ask for its result later.",
    ),
    Reason.REQUEST_REFUSED: Text(
        "A schedule's request was refused, as that of a caller would have been.",
        "The sentence says why: the version or the pipeline, its input, or the organization's state.",
    ),
    Reason.SECRET_UNREADABLE: Text(
        "A secret variable, or a secret of credentials or of a webhook, cannot be opened with the server's keys.",
        "Set its value again, or give the server back the key that sealed it.",
    ),
    # Of builds. A build whose first instance does not start carries the code of that start.
    Reason.NOT_AN_ARCHIVE: Text(
        "The upload is not a zip archive, or its end is missing.",
        "Upload a whole, unencrypted .zip file.",
    ),
    Reason.ARCHIVE_DAMAGED: Text(
        "The archive contradicts itself: it is damaged or forged.",
        "Make the archive again.",
    ),
    Reason.ARCHIVE_UNSAFE: Text(
        "The archive has a member that must not be unpacked, such as a link or a path that leads outside.",
        "Leave it out; the message names it.",
    ),
    Reason.ARCHIVE_UNSUPPORTED: Text(
        "The archive is encrypted, or compressed in a way that cannot be read.",
        "Pack it again with ordinary zip compression and no password.",
    ),
    Reason.ARCHIVE_TOO_LARGE: Text(
        "The archive has more members, longer names, or more in it than one may have.",
        "Leave out what the model does not need.",
    ),
    Reason.NO_MODEL_FILE: Text(
        "The package has neither a file of the name that the version wants nor application.py in its root.",
        "Put model.py or application.py into the root of the package, or name the model's file in ML_MODEL_FILE_NAME.",
    ),
    Reason.MODEL_FILE_INVALID: Text(
        "ML_MODEL_FILE_NAME does not name a Python module in the root of the package.",
        "Set the variable to a name such as model.",
    ),
    Reason.LANGUAGE_UNKNOWN: Text(
        "The version's language is not a version of Python 3.",
        "Set the language to one such as python3.11.",
    ),
    Reason.NO_INTERPRETER: Text(
        "The server has no Python that could run the package.",
        "The operator has to install CPython 3.8 or newer.",
    ),
    Reason.REQUIREMENTS_UNREADABLE: Text(
        "The file requirements.txt, or one that it includes, cannot be read.",
        "Correct the line that the message names.",
    ),
    Reason.REQUIREMENT_REFUSED: Text(
        "A requirement may not be installed: it is editable, outside the package, or changes the environment itself.",
        "Leave it out, or require a released version.",
    ),
    Reason.REQUIREMENT_NOT_FOUND: Text(
        "The package index has no such distribution, or none that fits this Python and this machine.",
        "Correct its name or version, or the language of the version.",
    ),
    Reason.REQUIREMENT_CONFLICT: Text(
        "Two requirements exclude each other.",
        "Loosen one of those that the message names.",
    ),
    Reason.REQUIREMENT_UNBUILDABLE: Text(
        "A distribution without a wheel could not be built from its source.",
        "Require a version that has a wheel for this Python.",
    ),
    Reason.INDEX_UNREACHABLE: Text(
        "The package index, or a file on another server, could not be fetched.",
        "Try again; the operator can name another index.",
    ),
    Reason.INSTALL_FAILED: Text(
        "The environment could not be made, for a cause that has no code of its own.",
        "Read the lines of the build in the log.",
    ),
    Reason.INSTALL_TIMEOUT: Text(
        "The environment was not ready within the time that the server gives to a build.",
        "Require less, or distributions that have wheels.",
    ),
    Reason.BUILD_MEMORY: Text(
        "Making the environment needed more memory than a build may use.",
        "Require distributions that have wheels.",
    ),
    Reason.BUILD_GIVEN_UP: Text(
        "The server failed or ended several times while it worked on the build.",
        "The server's own log says why, a full disk among the causes; upload again then.",
    ),
    # Of connectors: verifications and deliveries.
    Reason.CONNECTOR_GONE: Text(
        "The connector, or its credentials, was deleted before the message was written.",
        "Send messages to another connector.",
    ),
    Reason.CONNECTOR_NOT_AVAILABLE: Text(
        "The connector is not verified: nothing is written through it.",
        "See its error_message, and change its configuration or its credentials.",
    ),
    Reason.MESSAGE_INVALID: Text(
        "The message is not what the connector's fields say.",
        "Attach an object whose output has these fields.",
    ),
    Reason.MESSAGE_BLOB_GONE: Text(
        "The blob that the message names had expired or was deleted before it was written.",
        "Give blobs a longer time to live.",
    ),
    Reason.DESTINATION_REFUSED: Text(
        "The address is none, is not encrypted, or lies in a network that connectors or webhooks may not reach.",
        "Correct the address; the operator can allow it (QUINTA_CONNECTOR_NETWORKS, QUINTA_WEBHOOK_ALLOW_PRIVATE).",
    ),
    Reason.UNREACHABLE: Text(
        "No connection to the store could be made, or it broke off.",
        "See whether the store runs, and whether host and port are right.",
    ),
    Reason.STORE_TIMEOUT: Text(
        "The store did not answer in time.",
        "See whether the store is overloaded, or a table locked.",
    ),
    Reason.CREDENTIALS_INVALID: Text(
        "The credentials are not of the form that the store's driver needs.",
        "Enter the key or the key file again, as the store has given it out.",
    ),
    Reason.CREDENTIALS_REFUSED: Text(
        "The store does not know who signs in, or refuses the password or key.",
        "Correct the credentials.",
    ),
    Reason.PERMISSION_MISSING: Text(
        "The store knows who signs in, and does not let them write there.",
        "Grant the right in the store; the message names it.",
    ),
    Reason.PLACE_MISSING: Text(
        "The database, table, bucket, container or stream does not exist.",
        "Make it, or correct its name in the connector.",
    ),
    Reason.PLACE_UNFIT: Text(
        "The table has not the columns that the connector's fields need.",
        "Change the table or the fields; the message names the column.",
    ),
    Reason.VALUE_REJECTED: Text(
        "The store does not take a value of this message.",
        "Give values that fit the column and its constraints.",
    ),
    Reason.STORE_BUSY: Text(
        "The store says that it cannot take this now, after all tries.",
        "Send fewer messages at a time, or give the store more capacity.",
    ),
    Reason.STORE_REFUSED: Text(
        "The store refuses, for a cause that has no code of its own.",
        "The message has the store's own words.",
    ),
    Reason.DRIVER_MISSING: Text(
        "The server lacks the package that speaks with this kind of store.",
        "The operator can install it; the message has the command.",
    ),
    Reason.DRIVER_FAILED: Text(
        "The driver of this kind of store failed in a way that nobody foresaw.",
        "Report it, with the lines of the server's own log.",
    ),
    Reason.DELIVERY_GIVEN_UP: Text(
        "The server failed, or ended several times, while it worked on the verification or the message.",
        "The server's own log says why.",
    ),
    # Of webhooks.
    Reason.RECEIVER_UNREACHABLE: Text(
        "The webhook's host is unknown, its certificate is not valid, or no connection to it could be made or kept.",
        "See whether the receiver runs, whether host and port are right, and whether its certificate is a public one.",
    ),
    Reason.RECEIVER_TIMEOUT: Text(
        "The webhook's receiver did not answer within 10 seconds.",
        "Answer first and work afterwards.",
    ),
    Reason.RECEIVER_REFUSED: Text(
        "The webhook's receiver answered with another status than 2xx; redirects are not followed.",
        "See in the receiver's own log why, and name the URL that a redirect leads to.",
    ),
    Reason.RECEIVER_INVALID_ANSWER: Text(
        "What the webhook's receiver answered is no HTTP/1.1, or nothing, or too much.",
        "See whether the port is the one of a web server, and whether it is spoken to with https.",
    ),
}
