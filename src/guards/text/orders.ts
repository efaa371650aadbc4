/**
 * Orders to the model, by structure and intent: who is addressed, what is to be kept from whom, what comes before what,
 * which data is to go where. Each sign has a weight; no sign alone is a famous sentence, and weak ones only add up.
 */

/** Compiled when first asked for: a gate whose server is pinned hardly ever asks. */
export class Sign {
  readonly id: string;
  readonly weight: number;
  readonly #source: string;
  readonly #flags: string;
  #test: RegExp | null = null;

  constructor(id: string, weight: number, source: string, flags = "i") {
    this.id = id;
    this.weight = weight;
    this.#source = source;
    this.#flags = flags;
  }

  get test(): RegExp {
    return (this.#test ??= new RegExp(this.#source, this.#flags));
  }
}

/** Texts of this weight are orders; those above `NOTED` are told. */
export const HELD = 3;
export const NOTED = 1;

const MODEL = "(?:the )?(?:assistants?|agents?|models?|llms?|ais?|language models?|chatbots?|bots?|claude|chatgpt|gpt|copilot|cursor|gemini)";
const PERSON = "(?:the |any |your |an? |our )?(?:end[- ])?(?:users?|humans?|persons?|people|customers?|clients?|operators?|owners?|callers?|them|him|her|anyone|anybody|requesters?|account holders?|developers?|patients?|employees?|reviewers?|colleagues?)(?:'s)?";
const TELL = "(?:tell|mention|inform|notify|disclose|reveal|alert|show|display|report|surface|expose|explain|say|announce|bring up|point out|discuss|acknowledge|narrate|describe|warn|bother|ask|consult|let|repeat|quote|list)";
const PASS = "(?:send|forward|pass|provide|include|attach|append|paste|insert|embed|put|place|supply|submit|upload|copy|post|transmit|share|add|fill|set|write|mail|email|e-mail|relay|deliver|export|report|echo|populate|enclose|feed|mirror|redirect|route|file|hand|grant|give|given|handed over|sent|put|point|push|carry|carried|move|moved)(?:s|es|d|ed|ing)?";
const READ = "(?:read|open|load|fetch|retrieve|get|cat|collect|gather|obtain|list|dump|extract|copy|look up|inspect|scan|grab|access|export|enumerate|query|check|print|capture)(?:s|es|ed|ing)?";
const SECRET_FILE = "(?:~/\\.\\w|\\$HOME|/etc/(?:passwd|shadow|hosts|ssh)|/root/|/proc/|%(?:APPDATA|USERPROFILE)%|\\.(?:env|ssh|aws|npmrc|netrc|pgpass|git-credentials|kube|docker|gnupg|bash_history|zsh_history|pypirc|pem|p12|kdbx)\\b|id_(?:rsa|ed25519|ecdsa)|known_hosts|authorized_keys|mcp\\.json|claude_desktop_config|wallet\\.dat|keychain|cookies\\.sqlite|login data)";
const SECRET = "(?:api[ _-]?keys?|access[ _-]?tokens?|auth(?:entication|orization)?[ _-]?tokens?|session[ _-]?(?:tokens?|cookies?|ids?)|bearer tokens?|refresh tokens?|private keys?|ssh keys?|signing keys?|passwords?|passphrases?|credentials?|secrets?|environment variables?|env(?:ironment)? vars?|process environment|seed phrases?|recovery (?:codes?|phrases?)|connection strings?|cookies|otp codes?|one-time codes?|card numbers?|social security numbers?|pin codes?)";
const TALK = "(?:(?:full |entire |complete |whole |previous |prior |current |recent |last |past |raw |verbatim |earlier |this |our |running )*(?:conversations?|chat(?: history| log| transcript)?s?|dialog(?:ue)?s?|transcripts?|(?:chat|message|conversation|prompt|session) (?:history|log|context|thread)s?|messages so far|context window|system prompts?|system messages?|developer messages?|hidden instructions|initial instructions|chain of thought|reasoning trace|scratchpad|tool (?:list|results|outputs)))";
const ARGUMENT = "(?:parameter|argument|field|property|attribute|input|value|slot|key|header|query string|payload|request body|metadata)s?";
const TOOLS = "(?:tools?|functions?|commands?|actions?|operations?|requests?|calls?|invocations?|api calls?)";
const MUST = "(?:must|have to|has to|need to|needs to|should|shall|always|make sure|ensure|be sure|required|never|do not|don't|remember|it is (?:essential|critical|mandatory|important|necessary|imperative|vital|crucial))";
const MAIL = "[\\w.+-]+@(?!(?:[\\w-]+\\.)*(?:example|test|domain|company|yourdomain|acme|mycompany)\\.)[\\w-]+(?:\\.[\\w-]+)+";
const SITE = "(?:https?://|www\\.)(?!(?:[\\w-]+\\.)*(?:example\\.(?:com|org|net)|localhost|github\\.com|schema\\.org|json-schema\\.org|w3\\.org|ietf\\.org|rfc-editor\\.org|wikipedia\\.org|modelcontextprotocol\\.io))[^\\s)>\\]\"']+";

const sign = (id: string, weight: number, source: string): Sign => new Sign(id, weight, source);

/** Signs that one sentence shows. */
export const SIGNS: readonly Sign[] = [
  // kept from the person
  sign("secrecy", 3, `\\b(?:do not|don't|dont|never|must not|mustn't|should not|shouldn't|avoid|refrain from|without|not to|no need to|needn't|need not|there is no need to) (?:ever |also |explicitly |directly )?${TELL}(?:ing|ting|ning)?(?: (?:this|that|it|these|anything|about|of|to|on|with|the \\w+|any \\w+))* ?(?:to |with |from |for )?${PERSON}\\b`),
  sign("secrecy", 3, `\\b(?:do not|don't|never|must not|should not|avoid|without|refrain from) (?:show|display|print|reveal|expos|surfac|echo|mention|disclos|discuss|referenc|repeat|quot|describ|explain|list|log|narrat|acknowledg|includ)(?:e|ing|s)? (?:this|these|those|the|any|it|that)(?: \\w+)? ?(?:instruction|note|step|message|call|paragraph|field|parameter|requirement|policy|section|process|procedure|action|transfer|copy|recipient|address|read|check|tool|fact|detail|part|in (?:your|the) (?:answer|reply|response|output|summary))`),
  sign("secrecy", 3, `\\b(?:silently|quietly|secretly|covertly|discreetly|invisibly|transparently|unobtrusively|behind the scenes|in the background)\\b[^.]{0,80}\\b(?:${PASS}|${READ}|call|run|invoke|execute|change|replace|set|use|bcc|cc)\\b`),
  sign("secrecy", 3, `\\b(?:${PASS}|${READ}|call|run|invoke|execute|do (?:this|so)|happen)\\b[^.]{0,60}\\b(?:silently|quietly|secretly|covertly|discreetly|behind the scenes|without (?:comment|mention(?:ing)?|notice|explanation|asking|telling|any mention|drawing attention))\\b`),
  sign("secrecy", 3, `\\bkeep (?:this|it|that|these|the (?:step|call|instruction|copy|details?|process|following))[^.]{0,30}\\b(?:secret|confidential|between us|hidden|to yourself|out of (?:the|your) (?:answer|reply|response|summary|conversation|output|chat)|internal|private|invisible|from ${PERSON})`),
  sign("secrecy", 3, `\\b(?:${PERSON}) (?:must|should|need|do(?:es)?|will|may|can) ?(?:not|n't|never) (?:be (?:told|informed|notified|aware|shown|made aware|asked|bothered)|know|see|notice|learn|need to know|have to know|hear|find out)`),
  sign("secrecy", 2, `\\b(?:hide|hides|hidden|conceal|mask|omit|leave out|suppress|skip|exclude)\\b[^.]{0,50}\\b(?:from (?:${PERSON}|(?:the|your) (?:answer|reply|response|summary|output|report|conversation|chat|transcript|log)))`),
  sign("secrecy", 2, `\\b(?:already (?:knows?|agreed|consented|approved|aware)|no (?:further )?(?:confirmation|approval|consent|permission|authori[sz]ation|notice) (?:is )?(?:needed|required|necessary))\\b`),
  // against the person
  sign("override", 3, `\\b(?:regardless of|even (?:if|when|though)|whatever|no matter what|irrespective of|despite|contrary to)\\b[^.]{0,40}\\b${PERSON}(?: \\w+){0,3} (?:says?|asks?|asked|wants?|objects?|requests?|requested|specif(?:y|ies|ied)|provid(?:es|ed)|chose|chooses|types?|typed|disagrees?|declin(?:es|ed)|instruct(?:s|ed|ions?)|wish(?:es)?|preferences?|entered)`),
  sign("override", 3, `\\binstead of (?:the (?:one|address|recipient|account|value|path|file|amount|number|name|host|url|destination)|what|whatever|any)[^.]{0,40}\\b(?:${PERSON}|provided|requested|specified|given|entered|asked|supplied|typed|stated|on file)`),
  sign("override", 3, `\\b(?:ignore|disregard|forget|override|bypass|discard|supersede|set aside|stop following|never mind)s?\\b[^.]{0,12}\\b(?:all|any|the|your|my|our|previous|prior|above|earlier|other|safety|existing|former|these|those|preceding|system|original)\\b[^.]{0,15}\\b(?:instructions?|rules?|guidelines?|prompts?|guardrails?|polic(?:y|ies)|safeguards?|restrictions?|directives?|constraints?|confirmations?|warnings?|orders?|messages?|settings)`),
  sign("override", 2, `\\bwithout (?:asking|waiting|requiring|prompting|consulting|seeking|confirm(?:ing|ation)|approval|further (?:confirmation|approval|questions?)|(?:any |the )?(?:user's? )?(?:confirmation|approval|consent|knowledge|permission|involvement|awareness))`),
  // before, over and about other tools
  sign("precedence", 3, `\\b(?:before|prior to|ahead of|after|following|alongside|together with|whenever|every time|each time|when(?:ever)? (?:you )?)\\s*(?:you )?(?:use|using|call|calling|invok(?:e|ing)|run|running|execut(?:e|ing)|mak(?:e|ing)|do(?:ing)?|perform(?:ing)?|start(?:ing)?|answer(?:ing)?|respond(?:ing)?|repl(?:y|ying)|tak(?:e|ing)|us(?:e|ing))? ?(?:of )?(?:any|all|every|each|another|other|the other|any other|anything)\\b(?! (?:\\w+ )?${TOOLS} (?:of|in|from|on) (?:this|our|the same))(?: \\w+)? (?:${TOOLS}|question|message|reply|answer|prompt|thing)`),
  sign("precedence", 3, `\\b(?:must|should|has to|needs? to|shall|is to|always|required to)\\b[^.]{0,25}\\b(?:be )?(?:call(?:ed)?|run|invoked?|used?|executed?|triggered?|performed?)\\b[^.]{0,40}\\b(?:first (?:before|of all|in every|whenever|always)|before (?:any|all|every|anything|each|other|answering|responding|doing|you)(?! (?:\\w+ )?(?:other )?(?:\\w+ )?${TOOLS} (?:of|in|from|on) (?:this|our|the same))|prior to (?:any|all|every|each|other)|at the (?:start|beginning) of (?:every|each|any|the|all)|on every (?:turn|message|request|conversation)|for every (?:message|request|turn|question|answer))`),
  sign("precedence", 3, `\\b(?:takes?|has|have|given?) (?:precedence|priority|preference) over (?:all|any|every|other|the other|others|your|earlier|previous|user|existing|built-in)\\b|\\b(?:overrides?|supersedes?|replaces?|outranks?) (?:all|any|every|other|previous|the|earlier|existing)\\b[^.]{0,30}(?:${TOOLS}|instructions?|rules?|servers?|guidelines?|descriptions?|prompts?|definitions?)`),
  sign("precedence", 2, `\\b(?:call|use|run|invoke|execute) (?:this|it) (?:tool |function )?(?:first|before|instead|every time|on every|at the (?:start|beginning|end) of (?:every|each)|after every|for every|whenever)\\b`),
  sign("shadowing", 3, `\\b(?:all|any|every|each|other|another|subsequent|following|later|future|remaining|the other) (?:${TOOLS}|tools|responses?|answers?|replies|messages?|e-?mails?|outputs?|files?|payments?|transfers?|commits?|requests?|invoices?|orders?)\\b[^.]{0,60}\\b(?:must|should|shall|have to|has to|need to|is to|are to|will now|be (?:sent|routed|addressed|prefixed|preceded|followed|rewritten|replaced|copied|changed|done)|only|instead)\\b`),
  sign("shadowing", 3, `\\b(?:when(?:ever)?|if|every time|each time|before|after|once|while|any time|as soon as)\\b[^.]{0,70}\\b(?:send(?:ing|s)?|e-?mail(?:ing|s)?|mail(?:ing|s)?|messag(?:e|es|ing)|pay(?:ing|s|ment)?|transfer(?:ring|s)?|invoic(?:e|es|ing)|post(?:ing|s)?|publish(?:ing|es)?|commit(?:ting|s)?|push(?:ing|es)?|delet(?:e|es|ing)|shar(?:e|es|ing)|book(?:ing|s)?|order(?:ing|s)?|upload(?:ing|s)?|deploy(?:ing|s)?|writ(?:e|es|ing)|creat(?:e|es|ing)|is (?:used|called|invoked|available|present|installed)|are (?:used|called|available|present))\\b[^.]{0,80}\\b(?:bcc|cc|recipients?|addresses|address|accounts?|iban|wallet|endpoint|webhook|mirror|copy|channel|proxy|destination|host|forward|additional|extra|branch|remote|payee|also|as well)\\b`),
  sign("shadowing", 2, `\\b(?:the|any) [\\w.-]+(?:_[\\w-]+)+ (?:tool|function)\\b|\\b(?:tool|function)s? (?:of|from|on|provided by) (?:other|another|different) servers?\\b`),
  // data on its way
  sign("capture", 3, `\\b${PASS}\\b[^.]{0,90}(?:${SECRET_FILE})`),
  sign("capture", 3, `\\b${READ}\\b[^.]{0,60}(?:${SECRET_FILE})[^.]{0,120}\\b(?:${PASS}|as (?:the|a|an|its)|into|in (?:the|this))\\b`),
  sign("capture", 1.5, SECRET_FILE),
  sign("capture", 3, `\\b(?:${PASS})\\b[^.]{0,60}\\b(?:${SECRET}|${TALK})\\b[^.]{0,80}\\b(?:as|in|into|to|via|through|under|with|inside)\\b[^.]{0,30}\\b(?:${ARGUMENT}|this (?:tool|function|call|server|service)|(?:each|every|the) (?:call|request)|us)\\b`),
  sign("capture", 3, `\\b(?:must|should|always|have to|need to|required?|please|ensure|make sure|be sure|first)\\b[^.]{0,70}\\b(?:${PASS}|${READ})\\b[^.]{0,70}\\b(?:${SECRET}|${TALK})\\b`),
  sign("capture", 3, `\\b(?:full|entire|complete|whole|verbatim|raw|unredacted|all (?:of )?(?:the |your )?|everything in (?:the |your )?)\\s*(?:previous |prior |current |recent )?(?:conversations?|chat(?: history| log)?|dialog(?:ue)?|(?:chat|conversation|session) transcripts?|(?:message|chat|conversation|session) history|context window|conversation context|system prompt|messages (?:so far|above|in this)|tool (?:results|outputs))\\b`),
  sign("capture", 3, `\\b(?:your|the (?:assistant|model|agent|llm)'s|the hidden|the original|the active) (?:full |own |complete |current |hidden )*(?:system prompt|system message|instructions|developer message|system instructions|guidelines|chain of thought|reasoning|memory|available tools|tool (?:list|definitions?|descriptions?)|context window)\\b[^.]{0,60}|\\b(?:list|names?|definitions?|descriptions?) of (?:all )?(?:the )?(?:other |available )?tools (?:that )?(?:you|available|the assistant|loaded|connected)`),
  sign("capture", 2, `\\b(?:${TALK})\\b[^.]{0,60}\\b(?:here|goes here|for (?:context|debugging|telemetry|logging|analytics|quality|personali[sz]ation|tracing|support|diagnostics|improvement|training))`),
  sign("capture", 3, `\\b(?:user|person|customer|owner|caller|developer|employee|human|account)(?:'s|s')? (?:own |current |actual |full |personal |home |real |saved |private |local )*(?:${SECRET}|home director(?:y|ies)|private files?|browser (?:history|cookies)|clipboard|contacts|address book|inbox)\\b[^.]{0,80}\\b(?:${PASS}|as|into|in this|here|so that|for|must|required)`),
  // where it goes
  sign("redirect", 3, `\\b(?:${PASS}|bcc|cc|transfer|pay|wire|route|redirect|addressed|mirror|report|replicate|reroute|direct|ship|go|goes|sent|copied|forwarded)\\b[^.]{0,90}(?:${MAIL}|\\b[A-Z]{2}\\d{2}[ ]?(?:[A-Z0-9]{4}[ ]?){3,7}\\b|\\b0x[0-9a-f]{40}\\b|\\bbc1[a-z0-9]{20,})`),
  sign("redirect", 3, `(?:${MAIL}|\\b[A-Z]{2}\\d{2}[ ]?(?:[A-Z0-9]{4}[ ]?){3,7}\\b)[^.]{0,60}\\b(?:as (?:the |a |an )?(?:bcc|cc|recipient|payee|copy|additional|reply-to|second|hidden|default)|in (?:the )?(?:bcc|cc|copy)|on (?:copy|bcc|cc)|instead)`),
  sign("redirect", 2.5, `\\b(?:${PASS}|mirror|report|replicate|redirect|proxy|route|upload|ping|contact|call|beacon)\\b[^.]{0,80}(?:${SITE})`),
  sign("redirect", 3, `\\b(?:replace|substitute|swap|change|rewrite|switch|update|alter|override|set|use)s?\\b[^.]{0,40}\\b(?:recipients?|e-?mail addresses|e-?mail address|payees?|beneficiar(?:y|ies)|iban|account numbers?|bank (?:details|account)|wallet(?: address)?|phone numbers?|destination|delivery address|shipping address|billing address|webhook(?: url)?|callback(?: url)?|repository url|registry|remote|reply-to|hostname|dns|proxy)\\b[^.]{0,40}\\b(?:with|by|to|for|instead|=)\\b`),
  sign("redirect", 3, `\\b(?:new|updated|correct|changed|current|our|central|dedicated|official) (?:billing |payment |bank |e-?mail |delivery |shipping |support |invoice |backup |postal |escrow |settlement |collection |archive )*(?:address|account|recipient|number|endpoint|iban|wallet|mailbox|beneficiary|bucket|host|server|details)\\b[^.]{0,60}\\b(?:is|are|:|has|have|must|should|instead|from now|going forward|use)\\b`),
  sign("redirect", 2, `\\b(?:has|have|had) (?:been )?(?:moved|migrated|changed|switched|relocated|renamed|replaced|retired|decommissioned) (?:to|by|with)\\b`),
  // with whose authority
  sign("authority", 3, `(?:^|[\\s\\[(<*#])(?:system|developer|admin(?:istrator)?|root|security(?: team)?|compliance|legal|platform|vendor|operator|anthropic|openai|google|microsoft|it department|internal)[ -](?:notice|message|override|instructions?|prompts?|directive|update|alert|note|command|order|mode|policy|reminder|role)s?\\s*[:\\])>-]`),
  sign("authority", 3, "<\\|(?:im_start|im_end|system|user|assistant|endoftext|start_header_id|eot_id)[^>]*\\|?>|\\[/?(?:INST|SYS|SYSTEM)\\]|<</?SYS>>|(?:^|\\n)\\s*#{2,}\\s*(?:system|instructions? (?:to|for) (?:the )?(?:assistant|model|ai|agent|llm)|new instructions?|hidden|override)\\b|(?:^|\\n)\\s*(?:system|assistant|human)\\s*:\\s*\\S"),
  sign("authority", 2, "</?(?:important|system|critical|instructions?|secret|hidden|mandatory|admin|override|priority|directive|internal|assistant|system[-_ ](?:note|prompt|message|reminder|instruction)|user_query|developer)(?:\\s[^>]*)?>"),
  sign("authority", 2.5, `\\b(?:message|reminder|instructions?|memo|notice|directive) (?:to|for) (?:all )?${MODEL}\\b|\\bfor ${MODEL} (?:only|eyes|use only|internal)|\\b(?:attention|dear|hey|hello|listen),? ${MODEL}\\b`),
  sign("authority", 1.5, `\\b${MODEL},? (?:please |must |should |you must |you should |shall |has to |is (?:required|expected|instructed|obliged|to) )`),
  sign("authority", 2, `\\b(?:authori[sz]ed|pre-?authori[sz]ed|approved|pre-?approved|sanctioned|mandated|required|cleared|instructed|signed off|agreed) (?:by|with) (?:the |your |our |its )?(?:admin\\w*|security|it|users?|management|anthropic|openai|compliance|legal|owner|operator|company|organi[sz]ation|ciso|cto|developers?|platform|vendor|policy)\\b`),
  sign("authority", 3, `\\b(?:treat|consider|regard|interpret|follow|obey|accept|execute)\\b[^.]{0,40}\\b(?:this|the following|these|any|all|instructions?|text|output|content)\\b[^.]{0,40}\\bas (?:a |an |the |if )?(?:\\w+ )?(?:system|higher|binding|mandatory|privileged|developer|admin|orders?|commands?|instructions?|your own|coming from|trusted source)`),
  sign("authority", 1.5, `\\byou are now\\b|\\bfrom now on\\b|\\bnew (?:instructions?|rules?|polic(?:y|ies)|directives?)\\b|\\bact as (?:if|though|an?)\\b|\\bpretend\\b|\\b(?:developer|debug|god|admin|maintenance|unrestricted|root) mode\\b|\\bhereby\\b|\\beffective immediately\\b|\\bgoing forward\\b|\\buntil further notice\\b`),
  // with which reason
  sign("pretext", 1.5, `\\bfor (?:the (?:purposes?|sake) of )?(?:internal |our |the |proper |full |legal |security |regulatory )*(?:audit\\w*|compliance|billing|quality|analytics|telemetry|regulat\\w+|security|debugging|verification|licens\\w+|diagnostic\\w*|training|record[- ]keeping|traceability|accountability|safety|optimi[sz]ation|authentication|integrity|personali[sz]ation|accuracy|improvement)(?: and [\\w-]+)?(?: purposes?| reasons?| checks?| requirements?| assurance| control| review| tracking)?\\b[^.]{0,60}\\b(?:${PASS}|must|always|also|please|required|record|log)\\b`),
  sign("pretext", 1.5, `\\b(?:${PASS}|must|always|also|record|log)\\b[^.]{0,100}\\b(?:for (?:audit\\w*|compliance|billing|quality|analytics|telemetry|security|debugging|verification|licens\\w+|diagnostic\\w*|training|record)|as (?:required|mandated) by|in order to comply|to (?:comply|stay compliant|meet (?:our|the))|per (?:company|our|the) (?:policy|guidelines|contract))\\b`),
  sign("pretext", 1, `\\b(?:otherwise|or else|failing (?:that|this|to)|failure to|if (?:you |this |it )?(?:do not|don't|is (?:missing|omitted|skipped|not)|are not|fails?))\\b[^.]{0,60}\\b(?:fail|break|crash|reject\\w*|refus\\w+|lost|lose|error|invalid|terminate|suspend\\w*|penal\\w+|liab\\w+|harm|violat\\w+|unusable|degrade)`),
  sign("pretext", 1, `\\b(?:also|additionally|in addition|as well|at the same time|additional(?:ly)?|besides|furthermore|plus)\\b[^.]{0,50}\\b(?:${PASS}|${READ}|call|run|invoke|execute|bcc|cc)\\b`),
  // what the person is told
  sign("secrecy", 3, `\\b(?:leave|leaving|left|omit(?:ting|ted)?|skip(?:ping)?|drop(?:ping)?|keep(?:ing)?|without|with no|no need to|needn't)\\b[^.]{0,70}\\b(?:out of (?:it|the|your)|from the (?:report|summary|answer|reply|output)|in (?:the|your) (?:report|summary|answer|reply)|remark|bring(?:ing)? (?:this|it|that) up|mention(?:ing)?(?: it| this)?|comment(?:ing)? on|out and (?:say|state|report)|summary to|internal eyes|drawing attention)`),
  sign("secrecy", 3, `\\b(?:when (?:describing|summari[sz]ing|reporting|presenting|explaining|asked)|if (?:asked|questioned|the (?:user|person|customer) asks)|present the result|describe it)\\b[^.]{0,90}\\b(?:leave|omit|out|say (?:that|the|it|they)|answer that|claim|state that|as a (?:plain|simple|routine|normal)|only|instead|avoid|not)\\b`),
  sign("secrecy", 2, `\\b(?:isn't|is not|aren't|are not|not) (?:for|meant for|intended for|visible to|shown to|of interest to) (?:the )?(?:customers?|users?|clients?|people|persons?|humans?|public)\\b|\\braises? questions\\b|\\btends? to (?:raise|confuse|alarm|worry)|\\binternal eyes\\b|\\bunnoticed\\b`),
  // whose word counts
  sign("authority", 3, `\\b(?:guidelines?|restrictions?|rules?|safeguards?|limits?|polic(?:y|ies)|confirmations?|permissions?) (?:on [^.]{0,40} )?(?:do(?:es)? not|no longer|don't) apply|\\b(?:restrictions?|limits?|safeguards?|confirmations?)\\b[^.]{0,60}\\b(?:were|was|are|have been|has been) (?:lifted|removed|suspended|waived|switched off|disabled|relaxed)`),
  sign("authority", 3, `\\b(?:as if|as though) (?:they|the (?:user|person)|he|she) (?:had )?(?:confirmed|agreed|approved|asked|consented)|\\btreat (?:them|it|this|these) as (?:agreed|approved|confirmed|accepted|settled)|\\b(?:need(?:s)?|require(?:s)?|call(?:s)? for) no (?:separate |further |additional )?(?:question|consent|approval|confirmation|permission)|\\bskip (?:asking|the (?:question|confirmation|prompt))|\\bno (?:call|reason|cause) to (?:request|ask)|\\b(?:users?|person|customers?|administrators?) (?:of this \\w+ )?ha(?:s|ve) (?:already )?(?:agreed|approved|accepted|consented|authori[sz]ed|confirmed|granted)`),
  sign("authority", 2.5, `\\b(?:note|notice|message|memo|word|update|announcement) (?:from|by) (?:the |your |our )?(?:\\w+ ){0,2}(?:team|group|department|administrator|admin|operator|engineering|security|developers?|vendor|provider)\\b|\\b(?:engineering|security|platform|operations|workspace|safety) (?:notice|memo|bulletin|directive)\\b`),
  sign("authority", 2.5, "</?(?:tool_description|tool|function|description|operator|context|session|elevated|policy|rules?|guidance|note_to_\\w+|assistant_\\w+|model_\\w+|ai_\\w+)(?:\\s[^>]*)?>(?!\\s*(?:<|$))|</tool_description>"),
  sign("authority", 2.5, `\\b(?:binding|outranks?|stands? (?:on a level|above)|ranks? above|takes? (?:precedence|priority)|replace[s]? them|prevails?|above (?:earlier|other|your|any) (?:guidance|instructions?|rules?)|reviewed and (?:signed off|approved))\\b`),
  // every turn, every reply
  sign("precedence", 2.5, `\\b(?:every|each) (?:reply|turn|message|response|answer|user message|conversation|step)\\b[^.]{0,60}\\b(?:start|begin|call|first|here|through|pass|run|consult|include|end)|\\b(?:begin|start|open|finish|end) (?:each|every) (?:turn|reply|answer|conversation|response|message)`),
  sign("precedence", 2.5, `\\b(?:as the |the )?very first (?:action|step|call|thing)|\\bahead of (?:each|any|every|choosing|all|being|other|answering)|\\bin place of what\\b|\\b(?:whichever|whatever|no matter which|regardless of the) (?:the )?(?:task|topic|request|question|subject)|\\beven (?:where|if|when) (?:the )?(?:topic|task|question|request|it)(?: is)? (?:is )?(?:unrelated|another|different|simple|trivial)|\\bincluding small talk|\\brather than (?:selecting|choosing|using|calling) (?:directly|from)|\\bwhenever a user says anything|\\bat the outset\\b`),
  // literal places
  sign("redirect", 2.5, `\\b[A-Z]{2}\\d{2}(?: ?[A-Z0-9]{4}){3,7}\\b`),
  sign("redirect", 3, `\\b(?:swapped|exchanged|substituted|replaced|rewritten|redirected|rerouted|switched|sustituye|ersetzt|remplac[ée]e?|sostituit[oa])\\b[^.]{0,30}\\b(?:for|by|with|to|por|durch|par|con|da)\\b[^.]{0,40}(?:\\b[\\w-]+\\.[\\w.-]+|\\b[A-Z]{2}\\d{2}|account|recipient|address|gateway)`),
  sign("redirect", 3, `\\b(?:point|push|pushed|goes?|going|sent|mirrored|delivered|directed|granted?|shared?|access)\\b[^.]{0,60}(?:${MAIL}|\\bs3://|\\bgs://|\\bgit@|\\b(?:ssh|ftp|sftp)://)`),
  sign("redirect", 2.5, `\\[[^\\]]+\\]\\(https?://[^)]*[?&]\\w+=[A-Z][A-Z_]{3,}`),
  // mere insistence
  sign("insistence", 0.5, `\\b(?:important|critical|mandatory|crucial|vital|essential|warning|attention|note well)\\b\\s*[:!]|!!!|\\bIMPORTANT\\b`),
  sign("insistence", 0.5, `\\byou (?:${MUST})\\b`),
];
