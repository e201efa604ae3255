"""What to do about each way in which a job contradicts the OpenAPI document of its target."""

from collections.abc import Mapping

from myscheduler.core.findings.advice import Advice

CONTRACT_ADVICE: Mapping[str, Advice] = {
    "contract-body": Advice(
        "The target would reject the call, each time that it is made.",
        "Write the body as the schema in the document asks for, or have the document corrected.",
    ),
    "contract-deprecated": Advice(
        "The target announces that it will drop the operation; from then on each call fails.",
        "Call the operation that replaces it.",
    ),
    "contract-method": Advice(
        "The target would answer 405, each time that the job runs.",
        "Write one of the methods that the message names. A job without a method uses GET.",
    ),
    "contract-parameter": Advice(
        "The target would reject the call, each time that it is made.",
        "Write the parameter in query or headers, of the job or of its target, with a value that the document allows.",
    ),
    "contract-path": Advice(
        "The target would answer 404, each time that the job runs: the endpoint was renamed or removed, or the path is "
        "mistyped.",
        "Write a path of the document. If the target is reached by another way, such as a gateway, have its URL added "
        "to the servers of the document.",
    ),
    "contract-security": Advice(
        "The target would answer 401, unless it is more open than its document says.",
        "Write auth in the target, or the header or parameter with the key.",
    ),
    "contract-undescribed": Advice(
        "The target may ignore it: often the parameter is mistyped, or was renamed.",
        "Write the name that the document has, or have the document completed.",
    ),
    "invalid-contract": Advice(
        "What can't be read can't be compared with the jobs, so mistakes in their calls stay unnoticed.",
        "Write a path below the folder of targets.yaml to an OpenAPI document of version 3.0 or 3.1, in YAML or JSON "
        "and in one file. Tools such as redocly bundle and swagger2openapi make one.",
    ),
}
