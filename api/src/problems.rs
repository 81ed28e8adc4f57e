//! The catalogue of problem types: what each code means and what to do, in English and French.
//!
//! A [`Problem`](nilometer_schemas::Problem) says precisely, in English, what was wrong this time; its code says of
//! what type it is, and here the type is explained in plain words. `/problems` lists the types, and the `type` of every
//! problem (RFC 9457) is the address of one of them. A test reads the sources and holds that every code stands here,
//! with all kinds in which it occurs, and that nothing else does.

use nilometer_schemas::Kind;
use nilometer_schemas::Kind::{
    Conflict, Forbidden, Gone, Internal, Invalid, MethodNotAllowed, NotFound, PreconditionFailed, RangeNotSatisfiable,
    StorageFull, Timeout, TooLarge, TooManyRequests, Unauthorized, Unavailable, UnsupportedMediaType,
};

use crate::html::Language;

/// A type of problem.
#[derive(Clone, Copy, Debug)]
pub struct ProblemType {
    /// Its stable slug, the last part of its address.
    pub code: &'static str,
    /// Whose fault it can be; the first is the usual one.
    pub kinds: &'static [Kind],
    english: Words,
    french: Words,
}

/// Title, explanation.
type Words = (&'static str, &'static str);

impl ProblemType {
    /// The type of a code.
    pub fn of(code: &str) -> Option<&'static Self> {
        ALL.iter().find(|known| known.code == code)
    }

    /// What it is called.
    pub fn title(&self, language: Language) -> &'static str {
        self.words(language).0
    }

    /// What is wrong, and what to do.
    pub fn explanation(&self, language: Language) -> &'static str {
        self.words(language).1
    }

    fn words(&self, language: Language) -> Words {
        match language {
            Language::English => self.english,
            Language::French => self.french,
        }
    }
}

/// The path of a type.
pub fn path(code: &str) -> String {
    format!("/problems/{code}")
}

const fn of(code: &'static str, kinds: &'static [Kind], english: Words, french: Words) -> ProblemType {
    ProblemType { code, kinds, english, french }
}

/// All types, by code.
pub const ALL: &[ProblemType] = &[
    of(
        "account-closed",
        &[Forbidden],
        ("Account closed", "This account was closed by the administrators of this service. Ask them."),
        ("Compte fermé", "Ce compte a été fermé par les administrateurs de ce service. Adressez-vous à eux."),
    ),
    of(
        "asset-key",
        &[Invalid],
        (
            "Not a key of an asset",
            "The key of an asset, the last part of a file's address, is too long or holds a control character. \
             Choose a short name, such as that of the file.",
        ),
        (
            "Clé d'asset non valide",
            "La clé d'un asset, dernière partie de l'adresse d'un fichier, est trop longue ou contient un caractère \
             de contrôle. Choisissez un nom court, par exemple celui du fichier.",
        ),
    ),
    of(
        "asset-not-found",
        &[NotFound],
        (
            "No such file",
            "This file of the pages does not exist. After an update the files have new names: load the page anew.",
        ),
        (
            "Fichier introuvable",
            "Ce fichier des pages n'existe pas. Après une mise à jour, les fichiers changent de nom : rechargez la \
             page.",
        ),
    ),
    of(
        "audit-damaged",
        &[Conflict],
        (
            "Audit log damaged",
            "The audit log is not as it was written and is not cut until somebody looked at it: run `nilometer check`.",
        ),
        (
            "Journal d'audit endommagé",
            "Le journal d'audit n'est plus tel qu'il a été écrit et ne sera pas raccourci avant examen : lancez `nilometer check`.",
        ),
    ),
    of(
        "basket-not-found",
        &[NotFound],
        ("No such basket", "No basket is shared under this address. Ask whoever sent it for the whole link."),
        (
            "Panier inexistant",
            "Aucun panier n'est partagé à cette adresse. Demandez le lien complet à la personne qui vous l'a envoyé.",
        ),
    ),
    of(
        "baskets-full",
        &[Conflict, StorageFull],
        (
            "Too many shared baskets",
            "The account shares as many baskets as an account may, or the service has no room for more. Take one back \
             first, on the page of your basket.",
        ),
        (
            "Trop de paniers partagés",
            "Le compte partage autant de paniers qu'il est permis, ou le service n'a plus de place. Retirez-en un d'abord, \
             sur la page de votre panier.",
        ),
    ),
    of(
        "bbox",
        &[Invalid],
        (
            "Box not understood",
            "A box is four numbers in degrees: west, south, east, north. South lies below north; west may be greater \
             than east across the antimeridian.",
        ),
        (
            "Cadre incompris",
            "Un cadre est fait de quatre nombres en degrés : ouest, sud, est, nord. Le sud est au-dessous du nord ; \
             l'ouest peut dépasser l'est de part et d'autre de l'antiméridien.",
        ),
    ),
    of(
        "bbox-and-intersects",
        &[Invalid],
        (
            "Two places at once",
            "A question takes either a box (bbox) or a shape (intersects), not both. Leave one out.",
        ),
        (
            "Deux lieux à la fois",
            "Une question accepte soit un cadre (bbox), soit une forme (intersects), pas les deux. Retirez l'un des \
             deux.",
        ),
    ),
    of(
        "body",
        &[Invalid],
        (
            "Body incomplete or unreadable",
            "The body of the request ended early, is not UTF-8 text, or is not the JSON object that is expected \
             here. Check it and send it again.",
        ),
        (
            "Corps incomplet ou illisible",
            "Le corps de la requête s'est interrompu, n'est pas un texte UTF-8, ou n'est pas l'objet JSON attendu \
             ici. Vérifiez-le et renvoyez-le.",
        ),
    ),
    of(
        "body-size",
        &[TooLarge],
        (
            "Body too large",
            "The body of the request is larger than this service takes. Send it in several parts; long lists of \
             items can be sent one item a line.",
        ),
        (
            "Corps trop grand",
            "Le corps de la requête dépasse ce que ce service accepte. Envoyez-le en plusieurs parties ; de longues \
             listes d'éléments peuvent s'envoyer à raison d'un élément par ligne.",
        ),
    ),
    of(
        "busy",
        &[Conflict],
        (
            "Changed by others meanwhile",
            "Others kept changing this item while yours was applied. Nothing was written; try again.",
        ),
        (
            "Modifié entre-temps par d'autres",
            "D'autres modifiaient cet élément en même temps que vous. Rien n'a été écrit ; réessayez.",
        ),
    ),
    of(
        "changed",
        &[PreconditionFailed],
        (
            "Changed in the meantime",
            "What you wanted to replace was changed after you read it. Nothing was written; read it again and repeat \
             your change.",
        ),
        (
            "Modifié entre-temps",
            "Ce que vous vouliez remplacer a été modifié après votre lecture. Rien n'a été écrit ; relisez-le et \
             recommencez.",
        ),
    ),
    of(
        "changes-ahead",
        &[Invalid],
        (
            "Ahead of the changes",
            "The number after which changes are wanted is greater than the newest one, as happens after a backup was \
             restored. Take a whole copy (/changes/snapshot) and go on from its number.",
        ),
        (
            "En avance sur les modifications",
            "Le numéro de départ demandé dépasse le plus récent, comme il arrive après la restauration d'une \
             sauvegarde. Prenez une copie complète (/changes/snapshot) et repartez de son numéro.",
        ),
    ),
    of(
        "changes-gone",
        &[Gone],
        (
            "Changes no longer kept",
            "Changes this old are no longer kept one by one. Take a whole copy (/changes/snapshot) and go on from \
             its number.",
        ),
        (
            "Modifications qui ne sont plus conservées",
            "Des modifications aussi anciennes ne sont plus conservées une à une. Prenez une copie complète \
             (/changes/snapshot) et repartez de son numéro.",
        ),
    ),
    of(
        "checksum",
        &[Invalid],
        (
            "Not a checksum",
            "file:checksum is a multihash: digits that say which hash it is, how long, and the hash. Known are \
             SHA-256 (1220…), SHA-512 (1340…) and BLAKE3 (1e20…).",
        ),
        (
            "Somme de contrôle non valide",
            "file:checksum est un multihash : des chiffres qui disent quel condensat, sa longueur, puis le \
             condensat. Sont connus SHA-256 (1220…), SHA-512 (1340…) et BLAKE3 (1e20…).",
        ),
    ),
    of(
        "collection",
        &[Invalid, Internal],
        (
            "Collection not valid",
            "The description of the collection is not a valid STAC collection. The member named beside is at fault; \
             correct it and send it again.",
        ),
        (
            "Collection non valide",
            "La description de la collection n'est pas une collection STAC valide. Le membre indiqué est en cause ; \
             corrigez-le et renvoyez-la.",
        ),
    ),
    of(
        "collection-deleted",
        &[Conflict],
        (
            "Collection just deleted",
            "The collection was deleted while its observations were being written. Create it again, then send the \
             observations again.",
        ),
        (
            "Collection supprimée à l'instant",
            "La collection a été supprimée pendant l'écriture de ses observations. Créez-la de nouveau, puis \
             renvoyez les observations.",
        ),
    ),
    of(
        "collection-differs",
        &[Conflict],
        ("Another collection is named", "The item names one collection and the address another. Make the two agree."),
        ("Collections différentes", "L'élément nomme une collection et l'adresse une autre. Faites-les concorder."),
    ),
    of(
        "collection-not-found",
        &[NotFound],
        (
            "No such collection",
            "There is no collection of this name, or you may not see it. The list of collections shows what there \
             is.",
        ),
        (
            "Collection introuvable",
            "Il n'y a pas de collection de ce nom, ou elle ne vous est pas visible. La liste des collections montre \
             ce qui existe.",
        ),
    ),
    of(
        "collections",
        &[Invalid],
        (
            "Collections cannot be chosen here",
            "This address belongs to one collection. Use the general search to ask several.",
        ),
        (
            "Pas de choix de collections ici",
            "Cette adresse appartient à une seule collection. Utilisez la recherche générale pour en interroger \
             plusieurs.",
        ),
    ),
    of(
        "confirm-name",
        &[Invalid],
        ("Name not repeated", "Write the name of the account to confirm that it shall end."),
        ("Nom non répété", "Écrivez le nom du compte pour confirmer sa suppression."),
    ),
    of(
        "content-encoding",
        &[UnsupportedMediaType],
        (
            "Compression not understood",
            "The body is compressed in a way that this service does not read. Send it plain or as gzip.",
        ),
        (
            "Compression non prise en charge",
            "Le corps est compressé d'une façon que ce service ne lit pas. Envoyez-le sans compression ou en gzip.",
        ),
    ),
    of(
        "coords",
        &[Invalid],
        (
            "Coordinates not understood",
            "The coordinates are not the well-known text that this query takes, such as POINT(6.5 46.4), longitude \
             first, or a shape is given twice.",
        ),
        (
            "Coordonnées incomprises",
            "Les coordonnées ne sont pas le texte « well-known text » que cette requête accepte, par exemple \
             POINT(6.5 46.4), longitude d'abord, ou bien une forme est donnée deux fois.",
        ),
    ),
    of(
        "coverage-size",
        &[TooLarge],
        (
            "Too much for a coverage",
            "The answer has too many observations for CoverageJSON. Ask for a shorter period or a calendar step, or \
             take CSV, Parquet or Arrow.",
        ),
        (
            "Trop pour une couverture",
            "La réponse compte trop d'observations pour CoverageJSON. Demandez une période plus courte ou un pas de \
             calendrier, ou prenez CSV, Parquet ou Arrow.",
        ),
    ),
    of(
        "crs",
        &[Invalid],
        (
            "Reference system not offered",
            "Items and boxes are given in the systems that the collection lists (crs), values of series as longitude and \
             latitude (CRS84) only. Without a system all are in CRS84.",
        ),
        (
            "Système de référence non proposé",
            "Les éléments et les cadres sont donnés dans les systèmes que liste la collection (crs), les valeurs des séries \
             en longitude et latitude (CRS84) seulement. Sans système, tout est en CRS84.",
        ),
    ),
    of(
        "csrf",
        &[Forbidden],
        (
            "Write from elsewhere",
            "A signed-in browser sent a write that no page of this service made. Load the page anew and try again; programs use a key instead of a cookie.",
        ),
        (
            "Écriture venue d'ailleurs",
            "Un navigateur connecté a envoyé une écriture qui ne vient d'aucune page de ce service. Rechargez la page et recommencez ; les programmes utilisent une clé plutôt qu'un cookie.",
        ),
    ),
    of(
        "date",
        &[Invalid],
        ("Not a date", "A day is written year-month-day, such as 2024-02-29."),
        ("Date incorrecte", "Un jour s'écrit année-mois-jour, par exemple 2024-02-29."),
    ),
    of(
        "datetime",
        &[Invalid],
        (
            "Period not understood",
            "A period is a moment in UTC, such as 2024-02-29T00:00:00Z, or a beginning and an end with a slash \
             between; two dots leave an end open. The end does not lie before the beginning.",
        ),
        (
            "Période incomprise",
            "Une période est un instant en UTC, par exemple 2024-02-29T00:00:00Z, ou un début et une fin séparés par \
             une barre oblique ; deux points laissent un côté ouvert. La fin ne précède pas le début.",
        ),
    ),
    of(
        "demo",
        &[Invalid],
        (
            "Demonstration data damaged",
            "The demonstration data within the program cannot be read. Install the program anew.",
        ),
        (
            "Données de démonstration endommagées",
            "Les données de démonstration contenues dans le programme sont illisibles. Réinstallez le programme.",
        ),
    ),
    of(
        "email",
        &[Invalid],
        ("No mail address", "A mail address has one @ with a name before it and a domain after it."),
        (
            "Adresse électronique incorrecte",
            "Une adresse électronique comporte un @, précédé d'un nom et suivi d'un domaine.",
        ),
    ),
    of(
        "exists",
        &[Conflict],
        (
            "Exists already",
            "Something of this identifier is stored already, or stands twice in what was sent. Nothing was written; \
             choose another identifier, or replace what is there.",
        ),
        (
            "Existe déjà",
            "Cet identifiant est déjà pris, ou figure deux fois dans l'envoi. Rien n'a été écrit ; choisissez un \
             autre identifiant, ou remplacez ce qui existe.",
        ),
    ),
    of(
        "export-is-whole",
        &[Invalid],
        (
            "A download is whole",
            "A download holds all items that match, so it takes no limit, page or token. The general search answers \
             page by page; a narrower question makes a smaller download.",
        ),
        (
            "Un téléchargement est complet",
            "Un téléchargement contient tous les éléments qui correspondent ; il n'accepte donc ni limit, ni page, ni \
             token. La recherche générale répond page par page ; une question plus précise donne un fichier plus petit.",
        ),
    ),
    of(
        "exports-busy",
        &[Unavailable],
        (
            "Too many downloads at a time",
            "As many whole results are being downloaded as this service allows at a time. Try again a little later.",
        ),
        (
            "Trop de téléchargements à la fois",
            "Le nombre de résultats complets que ce service laisse télécharger à la fois est atteint. Réessayez un peu \
             plus tard.",
        ),
    ),
    of(
        "file-differs",
        &[Unavailable],
        (
            "Not the file that was described",
            "The file in the store is another one than its item describes, so it is not handed out. Tell those who \
             run the service.",
        ),
        (
            "Fichier différent de sa description",
            "Le fichier de l'entrepôt n'est pas celui que décrit son élément ; il n'est donc pas délivré. Prévenez \
             l'exploitant du service.",
        ),
    ),
    of(
        "file-elsewhere",
        &[NotFound],
        (
            "The file is not here",
            "The service knows of this file and does not hand it out: it lies elsewhere. Its item says where.",
        ),
        (
            "Le fichier n'est pas ici",
            "Le service connaît ce fichier et ne le délivre pas : il se trouve ailleurs. Son élément dit où.",
        ),
    ),
    of(
        "file-name",
        &[Conflict, Invalid],
        (
            "Not a name for a file",
            "The store cannot keep a file of this name, since a part of it is too long or is the name of a file \
             already.",
        ),
        (
            "Nom de fichier impossible",
            "L'entrepôt ne peut garder un fichier de ce nom : une de ses parties est trop longue, ou est déjà le nom \
             d'un fichier.",
        ),
    ),
    of(
        "file-not-found",
        &[NotFound],
        (
            "The file is missing",
            "The item names this file, and it is not in the store or on the server where it should be. Tell those \
             who run the service.",
        ),
        (
            "Fichier manquant",
            "L'élément nomme ce fichier, mais il n'est pas dans l'entrepôt ou sur le serveur où il devrait être. \
             Prévenez l'exploitant du service.",
        ),
    ),
    of(
        "files-not-granted",
        &[Forbidden],
        (
            "Files not granted",
            "Of this collection you may see what there is, not take the files. Ask those who run the service for more.",
        ),
        (
            "Fichiers non accessibles",
            "De cette collection, vous pouvez voir le contenu, mais pas prendre les fichiers. Demandez davantage à l'exploitant du \
             service.",
        ),
    ),
    of(
        "filter-syntax",
        &[Invalid],
        (
            "Condition not understood",
            "The condition is not valid CQL2. Texts stand in single quotes, as in country = 'France'; the position \
             of the mistake is told below.",
        ),
        (
            "Condition incomprise",
            "La condition n'est pas du CQL2 valide. Les textes se mettent entre apostrophes droites, comme dans \
             country = 'France' ; la position de la faute est indiquée plus bas.",
        ),
    ),
    of(
        "filter-too-large",
        &[Invalid],
        (
            "Condition too large",
            "The condition is longer or more deeply nested than this service takes. Make it simpler, or ask in \
             several questions.",
        ),
        (
            "Condition trop grande",
            "La condition est plus longue ou plus imbriquée que ce service ne l'accepte. Simplifiez-la, ou posez \
             plusieurs questions.",
        ),
    ),
    of(
        "filter-unsupported",
        &[Invalid],
        (
            "Part of CQL2 that is not offered",
            "The condition uses a function or operator that this service does not offer. What can be used is listed \
             below.",
        ),
        (
            "Élément de CQL2 non proposé",
            "La condition emploie une fonction ou un opérateur que ce service ne propose pas. Ce qui est utilisable \
             est indiqué plus bas.",
        ),
    ),
    of(
        "filter-value",
        &[Invalid],
        (
            "Value without sense",
            "A value in the condition makes no sense, such as a date that does not exist or a malformed pattern. \
             Correct it.",
        ),
        (
            "Valeur dépourvue de sens",
            "Une valeur de la condition n'a pas de sens, par exemple une date qui n'existe pas ou un motif mal \
             formé. Corrigez-la.",
        ),
    ),
    of(
        "format",
        &[Invalid],
        (
            "Format not offered",
            "The answer does not exist in the format that f names. The formats on offer are listed below.",
        ),
        (
            "Format non proposé",
            "La réponse n'existe pas dans le format nommé par f. Les formats proposés sont indiqués plus bas.",
        ),
    ),
    of(
        "from",
        &[Invalid],
        ("End before the beginning", "The period ends before it begins. Exchange the two days."),
        ("Fin avant le début", "La période se termine avant de commencer. Échangez les deux jours."),
    ),
    of(
        "geometry",
        &[Invalid],
        (
            "Shape not understood",
            "The shape is not a valid GeoJSON geometry with positions in degrees, longitude first, or it is empty.",
        ),
        (
            "Forme incomprise",
            "La forme n'est pas une géométrie GeoJSON valide aux positions en degrés, longitude d'abord, ou elle est \
             vide.",
        ),
    ),
    of(
        "geometry-too-large",
        &[TooLarge],
        ("Shape too detailed", "The shape has more corners than this service takes. Simplify it."),
        ("Forme trop détaillée", "La forme a plus de sommets que ce service n'en accepte. Simplifiez-la."),
    ),
    of(
        "grant",
        &[Invalid],
        (
            "Grant not understood",
            "A grant names a level: hidden, metadata, partial or full. At the level partial, and at no other, it says which part is \
             seen: by a filter in CQL2, by older_than as a duration of weeks, days and hours, or by both.",
        ),
        (
            "Droit incompris",
            "Un droit indique un niveau : hidden, metadata, partial ou full. Au niveau partial, et à aucun autre, il indique quelle \
             partie est visible : par un filtre en CQL2, par older_than sous forme de durée en semaines, jours et heures, ou par les \
             deux.",
        ),
    ),
    of(
        "grants-full",
        &[Conflict],
        (
            "Too many grants",
            "The service keeps no more grants. Take some back first; one filter may join several conditions.",
        ),
        (
            "Droits trop nombreux",
            "Le service ne conserve pas plus de droits. Retirez-en d'abord ; un même filtre peut réunir plusieurs conditions.",
        ),
    ),
    of(
        "granule",
        &[Invalid],
        (
            "Granule not readable",
            "The file is no SWOT granule that can be read. It may be damaged or of another product; fetch it again.",
        ),
        (
            "Granule illisible",
            "Le fichier n'est pas un granule SWOT lisible. Il peut être endommagé ou d'un autre produit ; \
             téléchargez-le de nouveau.",
        ),
    ),
    of(
        "group-exists",
        &[Conflict],
        ("Group exists", "There is a group of this name already, or there are too many groups."),
        ("Groupe existant", "Un groupe porte déjà ce nom, ou les groupes sont trop nombreux."),
    ),
    of(
        "group-name",
        &[Invalid],
        (
            "Name of a group",
            "Names of groups are made of letters, digits, dots, hyphens and underscores, and begin with a letter or digit.",
        ),
        (
            "Nom de groupe",
            "Les noms de groupes se composent de lettres, chiffres, points, traits d'union et tirets bas, et commencent par une lettre ou un chiffre.",
        ),
    ),
    of(
        "group-not-found",
        &[NotFound],
        ("No such group", "There is no group of this name."),
        ("Groupe introuvable", "Aucun groupe ne porte ce nom."),
    ),
    of(
        "group-size",
        &[TooLarge],
        ("Too much at once", "More was written at once than one file of the log can hold. Send it in several parts."),
        (
            "Trop à la fois",
            "L'écriture dépasse ce qu'un fichier du journal peut contenir en une fois. Envoyez-la en plusieurs \
             parties.",
        ),
    ),
    of(
        "gzip",
        &[Invalid],
        (
            "Compressed body damaged",
            "The body is said to be gzip and is no intact gzip stream. Compress and send it again.",
        ),
        (
            "Corps compressé endommagé",
            "Le corps est annoncé en gzip mais n'est pas un flux gzip intact. Compressez-le et renvoyez-le.",
        ),
    ),
    of(
        "https-required",
        &[Forbidden],
        (
            "Not over an open line",
            "Passwords and cookies travel over https only. Ask for the service under its https address.",
        ),
        (
            "Ligne non protégée",
            "Les mots de passe et les cookies ne voyagent que par https. Utilisez l'adresse https du service.",
        ),
    ),
    of(
        "id",
        &[Invalid],
        (
            "Identifier not allowed",
            "The identifier is empty, too long, or contains characters that identifiers cannot have.",
        ),
        (
            "Identifiant non admis",
            "L'identifiant est vide, trop long, ou contient des caractères qu'un identifiant ne peut avoir.",
        ),
    ),
    of(
        "id-differs",
        &[Conflict],
        ("Another identifier is named", "The body names one identifier and the address another. Make the two agree."),
        ("Identifiants différents", "Le corps nomme un identifiant et l'adresse un autre. Faites-les concorder."),
    ),
    of(
        "identity",
        &[Conflict],
        (
            "Identity cannot be changed",
            "The identifier and the collection of something stored cannot be changed. Create it anew under the other \
             name, then delete this one.",
        ),
        (
            "Identité non modifiable",
            "L'identifiant et la collection d'un objet enregistré ne se modifient pas. Créez-le sous l'autre nom, \
             puis supprimez celui-ci.",
        ),
    ),
    of(
        "inflate-ratio",
        &[TooLarge],
        ("Grows too much", "The compressed body grows more than this service allows. Send it plain."),
        (
            "Décompression démesurée",
            "Le corps compressé grossit plus que ce service ne le permet. Envoyez-le sans compression.",
        ),
    ),
    of(
        "internal",
        &[Internal],
        (
            "Failure of the service",
            "The service failed; this is not your fault. Try again later. If it persists, tell those who run it the \
             number of the request.",
        ),
        (
            "Défaillance du service",
            "Le service a échoué ; ce n'est pas de votre fait. Réessayez plus tard. Si cela persiste, indiquez le \
             numéro de la requête à ceux qui l'exploitent.",
        ),
    ),
    of(
        "invalid-parameter",
        &[Invalid],
        (
            "Value not understood",
            "The value of a parameter is not what the service expects there. The parameter and what is accepted are \
             named below.",
        ),
        (
            "Valeur incomprise",
            "La valeur d'un paramètre n'est pas celle que le service attend. Le paramètre et ce qui est accepté sont \
             indiqués plus bas.",
        ),
    ),
    of(
        "inventory",
        &[Invalid],
        ("Table not readable", "The table does not fit its mapping: a column is missing, or a line cannot be read."),
        (
            "Tableau illisible",
            "Le tableau ne correspond pas à sa description : une colonne manque, ou une ligne est illisible.",
        ),
    ),
    of(
        "issuer-sign-in",
        &[Unauthorized],
        (
            "Not signed in there",
            "The outside issuer's answer does not belong to a sign-in that this browser began, or the issuer does not stand by it. Begin again.",
        ),
        (
            "Connexion non aboutie",
            "La réponse de l'émetteur ne correspond à aucune connexion commencée dans ce navigateur, ou l'émetteur ne la confirme pas. Recommencez.",
        ),
    ),
    of(
        "issuer-unavailable",
        &[Unavailable],
        (
            "Issuer does not answer",
            "The outside issuer of accounts does not answer at the moment. Local accounts and API keys work as ever.",
        ),
        (
            "Émetteur injoignable",
            "L'émetteur externe des comptes ne répond pas pour le moment. Les comptes locaux et les clés d'API fonctionnent normalement.",
        ),
    ),
    of(
        "item",
        &[Invalid],
        (
            "Item not valid",
            "What was sent is not a valid STAC item. The member named beside is at fault; correct it and send it \
             again.",
        ),
        (
            "Élément non valide",
            "Ce qui a été envoyé n'est pas un élément STAC valide. Le membre indiqué est en cause ; corrigez-le et \
             renvoyez-le.",
        ),
    ),
    of(
        "item-asset-not-found",
        &[NotFound],
        ("No such file of this item", "The item has no asset of this key. Its assets are listed in the item itself."),
        (
            "Cet élément n'a pas ce fichier",
            "L'élément n'a pas d'asset de cette clé. Ses assets sont énumérés dans l'élément lui-même.",
        ),
    ),
    of(
        "item-not-found",
        &[NotFound],
        (
            "No such item",
            "There is no item of this name in the collection, or you may not see it. It may have been deleted; \
             search for it.",
        ),
        (
            "Élément introuvable",
            "Il n'y a pas d'élément de ce nom dans la collection, ou il ne vous est pas visible. Il a pu être \
             supprimé ; cherchez-le.",
        ),
    ),
    of(
        "item-size",
        &[TooLarge],
        ("Item too large", "The item is larger than this service takes. Simplify its shape or leave out members."),
        (
            "Élément trop grand",
            "L'élément est plus grand que ce service ne l'accepte. Simplifiez sa forme ou retirez des membres.",
        ),
    ),
    of(
        "item-text",
        &[Internal],
        (
            "Stored item damaged",
            "A stored item cannot be read; this is not your fault. Tell those who run the service the number of the \
             request.",
        ),
        (
            "Élément enregistré endommagé",
            "Un élément enregistré est illisible ; ce n'est pas de votre fait. Indiquez le numéro de la requête à \
             ceux qui exploitent le service.",
        ),
    ),
    of(
        "json",
        &[Invalid],
        ("Not JSON", "The body is not valid JSON. The position of the mistake is told below."),
        ("JSON incorrect", "Le corps n'est pas du JSON valide. La position de la faute est indiquée plus bas."),
    ),
    of(
        "json-depth",
        &[Invalid],
        ("Nested too deeply", "The JSON is nested more deeply than this service takes. Make it flatter."),
        ("Imbrication trop profonde", "Le JSON est plus imbriqué que ce service ne l'accepte. Aplatissez-le."),
    ),
    of(
        "kept-exceeded",
        &[TooManyRequests],
        (
            "Too many questions kept",
            "Each network address and account may have so many bytes of questions kept a day, and this one has used them \
             up. Ask with POST /search, which keeps nothing, or come back later.",
        ),
        (
            "Trop de questions conservées",
            "Chaque adresse réseau et chaque compte peut faire conserver un certain nombre d'octets de questions par jour, \
             et celui-ci les a épuisés. Posez la question par POST /search, qui ne conserve rien, ou revenez plus tard.",
        ),
    ),
    of(
        "key-in-address",
        &[Invalid],
        (
            "Key in the address",
            "A key in an address ends in logs and histories. Send it in the Authorization header; and since it may \
             have been seen, ask for a new one.",
        ),
        (
            "Clé dans l'adresse",
            "Une clé placée dans l'adresse se retrouve dans les journaux et historiques. Envoyez-la dans l'en-tête \
             Authorization ; et comme elle a pu être vue, demandez-en une nouvelle.",
        ),
    ),
    of(
        "key-name",
        &[Invalid],
        ("Name of a key", "The name of a key is too long, or has control characters in it."),
        ("Nom de clé", "Le nom de la clé est trop long ou contient des caractères de commande."),
    ),
    of(
        "key-not-found",
        &[NotFound],
        ("No such key", "The account has no key of this id."),
        ("Clé introuvable", "Le compte n'a pas de clé portant cet identifiant."),
    ),
    of(
        "key-refused",
        &[Unauthorized],
        (
            "Key not valid",
            "This key is unknown, revoked or expired. Check it, or ask those who run the service for a new one.",
        ),
        (
            "Clé non valable",
            "Cette clé est inconnue, révoquée ou expirée. Vérifiez-la, ou demandez-en une nouvelle à ceux qui \
             exploitent le service.",
        ),
    ),
    of(
        "key-required",
        &[Unauthorized],
        ("Key needed", "Only holders of an operator's key may do this. Reading needs no key."),
        (
            "Clé nécessaire",
            "Seuls les détenteurs d'une clé d'opérateur peuvent faire cela. La lecture ne demande pas de clé.",
        ),
    ),
    of(
        "key-scope",
        &[Forbidden, Invalid],
        (
            "Key for less",
            "The key was made for less than this, or a scope was named that does not exist. Make a key with the scope that is needed.",
        ),
        (
            "Clé trop restreinte",
            "La clé n'a pas été créée pour cela, ou une portée nommée n'existe pas. Créez une clé ayant la portée nécessaire.",
        ),
    ),
    of(
        "keys-full",
        &[Conflict],
        ("Too many keys", "The account has as many working keys as an account may have. Revoke one first."),
        ("Trop de clés", "Le compte a déjà autant de clés valables qu'il est permis. Révoquez-en une d'abord."),
    ),
    of(
        "last-administrator",
        &[Conflict],
        (
            "Last administrator",
            "Without this account nobody could look after accounts any more. Make another administrator first.",
        ),
        (
            "Dernier administrateur",
            "Sans ce compte, personne ne pourrait plus gérer les comptes. Nommez d'abord un autre administrateur.",
        ),
    ),
    of(
        "licence-changed",
        &[Conflict],
        (
            "The terms have changed",
            "The terms of this collection have changed since they were shown to you. Read them again, then accept \
             them.",
        ),
        (
            "Les conditions ont changé",
            "Les conditions de cette collection ont changé depuis leur affichage. Relisez-les, puis acceptez-les.",
        ),
    ),
    of(
        "licence-not-accepted",
        &[Forbidden],
        (
            "Terms not accepted yet",
            "The terms of this collection are accepted before its files are ordered or fetched: on the page that the \
             answer names, or, with an order, by naming the collection in accept_licences.",
        ),
        (
            "Conditions non encore acceptées",
            "Les conditions de cette collection sont à accepter avant d'en commander ou d'en télécharger les fichiers : sur \
             la page que nomme la réponse, ou, pour une commande, en nommant la collection dans accept_licences.",
        ),
    ),
    of(
        "lifetime",
        &[Invalid],
        (
            "Not a lifetime of a link",
            "A signed link holds for a number of seconds, within the limit that the answer names.",
        ),
        (
            "Durée de lien non valide",
            "Un lien signé vaut un nombre de secondes, dans la limite que la réponse indique.",
        ),
    ),
    of(
        "limit",
        &[Invalid],
        ("Page too small", "A page holds at least one entry: limit is a whole number from 1 on."),
        ("Page trop petite", "Une page contient au moins une entrée : limit est un nombre entier, 1 ou plus."),
    ),
    of(
        "line-size",
        &[TooLarge],
        (
            "Line too long",
            "A line of the stream is longer than this service takes. The other lines were read; send this item \
             alone.",
        ),
        (
            "Ligne trop longue",
            "Une ligne du flux est plus longue que ce service ne l'accepte. Les autres lignes ont été lues ; envoyez \
             cet élément seul.",
        ),
    ),
    of(
        "link-ended",
        &[Invalid],
        ("Link no longer good", "Mailed links work once and for a limited time. Ask for a new one."),
        (
            "Lien périmé",
            "Les liens envoyés par courrier servent une seule fois et pour un temps limité. Demandez-en un nouveau.",
        ),
    ),
    of(
        "link-refused",
        &[Forbidden],
        (
            "The link does not hold",
            "This signed link has ended, was changed, or was made with a key that has ended. Ask for a new one.",
        ),
        (
            "Lien non valable",
            "Ce lien signé a expiré, a été modifié, ou a été fait avec une clé qui a pris fin. Demandez-en un \
             nouveau.",
        ),
    ),
    of(
        "location-not-found",
        &[NotFound],
        (
            "No such location",
            "The collection has no feature of this name with observations. The list of its locations shows what \
             there is.",
        ),
        (
            "Lieu de mesure introuvable",
            "La collection n'a pas d'objet de ce nom avec des observations. La liste de ses lieux montre ce qui \
             existe.",
        ),
    ),
    of(
        "locked",
        &[Unavailable],
        ("In use by another process", "Another process writes this catalogue. Try again when it has ended."),
        (
            "Occupé par un autre processus",
            "Un autre processus écrit dans ce catalogue. Réessayez quand il aura terminé.",
        ),
    ),
    of(
        "mail-address",
        &[Unavailable],
        (
            "No mail from here",
            "The service does not know under which address it is reached, and mails no links before its operator sets `public_url`.",
        ),
        (
            "Pas de courrier",
            "Le service ignore sous quelle adresse on le joint ; il n'envoie pas de liens tant que son exploitant n'a pas renseigné `public_url`.",
        ),
    ),
    of(
        "mapping",
        &[Invalid],
        (
            "Mapping not understood",
            "The file that describes a table is not valid, or names a file or column that is not there.",
        ),
        (
            "Description de tableau incomprise",
            "Le fichier qui décrit un tableau n'est pas valide, ou nomme un fichier ou une colonne absents.",
        ),
    ),
    of(
        "media-type",
        &[UnsupportedMediaType],
        (
            "Body of another type",
            "The body is of a type that this address does not take. Send JSON and say so in Content-Type.",
        ),
        (
            "Corps d'un autre type",
            "Le corps est d'un type que cette adresse n'accepte pas. Envoyez du JSON et indiquez-le dans \
             Content-Type.",
        ),
    ),
    of(
        "method",
        &[MethodNotAllowed, Invalid],
        (
            "Method not offered",
            "This address does not take the HTTP method, or there is no such statistic for a series. What is \
             accepted is named below or in the API's description.",
        ),
        (
            "Méthode non proposée",
            "Cette adresse n'accepte pas la méthode HTTP, ou il n'y a pas de telle statistique pour une série. Ce \
             qui est accepté est indiqué plus bas ou dans la description de l'API.",
        ),
    ),
    of(
        "no-issuer",
        &[NotFound],
        ("No outside issuer", "This service has no outside issuer to sign in at. Use a local account."),
        (
            "Pas d'émetteur externe",
            "Ce service n'a pas d'émetteur externe auprès duquel se connecter. Utilisez un compte local.",
        ),
    ),
    of(
        "no-such-address",
        &[NotFound],
        (
            "Nothing at this address",
            "There is no page at this address. It may be mistyped or out of date; begin at the first page or search.",
        ),
        (
            "Rien à cette adresse",
            "Il n'y a pas de page à cette adresse. Elle est peut-être mal saisie ou périmée ; repartez de la \
             première page ou cherchez.",
        ),
    ),
    of(
        "not-found",
        &[NotFound],
        ("Not there", "What shall be changed or deleted is not there, or not any more."),
        ("Absent", "Ce qui doit être modifié ou supprimé n'existe pas, ou plus."),
    ),
    of(
        "number",
        &[Invalid],
        ("Not a whole number", "A parameter needs a whole number from 0 on. It is named below."),
        ("Nombre entier attendu", "Un paramètre demande un nombre entier, 0 ou plus. Il est indiqué plus bas."),
    ),
    of(
        "operator-required",
        &[Forbidden],
        ("Key may not do this", "The key is valid and its role does not allow this. Ask those who run the service."),
        (
            "Clé sans ce droit",
            "La clé est valable, mais son rôle ne permet pas cela. Adressez-vous à ceux qui exploitent le service.",
        ),
    ),
    of(
        "order",
        &[Invalid],
        (
            "Not an order",
            "The order cannot be read as it stands; the answer points to the part at fault. An order has collections, \
             selections or one search.",
        ),
        (
            "Commande non valide",
            "La commande est illisible en l'état ; la réponse désigne la partie en cause. Une commande a des \
             collections, des sélections ou une recherche.",
        ),
    ),
    of(
        "order-empty",
        &[NotFound],
        (
            "Nothing to deliver",
            "What was asked for matches, but there is nothing of it to deliver: no files here, or no observations of \
             this period.",
        ),
        (
            "Rien à livrer",
            "Ce qui est demandé existe, mais il n'y a rien à livrer : pas de fichiers ici, ou pas d'observations sur \
             cette période.",
        ),
    ),
    of(
        "order-expired",
        &[Gone],
        (
            "Order expired",
            "The time in which this order could be fetched is over. Order the same anew, by the button of its page.",
        ),
        (
            "Commande expirée",
            "Le délai pour récupérer cette commande est passé. Commandez la même à nouveau, par le bouton de sa page.",
        ),
    ),
    of(
        "order-file-gone",
        &[Gone],
        (
            "A file of the order is gone",
            "A file of this order was removed or replaced since it was ordered. Order the same anew, by the button of its page.",
        ),
        (
            "Un fichier de la commande a disparu",
            "Un fichier de cette commande a été retiré ou remplacé depuis. Commandez la même à nouveau, par le bouton de sa page.",
        ),
    ),
    of(
        "order-files",
        &[TooLarge],
        (
            "Too many files",
            "The selections have more files than one order may hold. Narrow them down, or make several orders.",
        ),
        (
            "Trop de fichiers",
            "Les sélections ont plus de fichiers qu'une commande ne peut en contenir. Restreignez-les, ou passez \
             plusieurs commandes.",
        ),
    ),
    of(
        "order-not-found",
        &[NotFound],
        ("No such order", "There is no order of this name in your account: it was deleted, or it is somebody else's."),
        (
            "Commande inexistante",
            "Il n'y a pas de commande de ce nom dans votre compte : elle a été supprimée, ou c'est celle d'un autre.",
        ),
    ),
    of(
        "order-not-ready",
        &[NotFound],
        ("Not known yet", "The files of an order are known once it is prepared. Wait until it is."),
        (
            "Pas encore connu",
            "Les fichiers d'une commande sont connus une fois qu'elle est préparée. Attendez qu'elle le soit.",
        ),
    ),
    of(
        "order-size",
        &[TooLarge],
        (
            "Order too large",
            "The order, or what it would hold, is larger than the service takes. Narrow it down, or make several \
             orders.",
        ),
        (
            "Commande trop grande",
            "La commande, ou ce qu'elle contiendrait, dépasse ce que le service accepte. Restreignez-la, ou passez \
             plusieurs commandes.",
        ),
    ),
    of(
        "order-state",
        &[Conflict],
        (
            "Not in this state",
            "The order is in a state in which this cannot be done: what is not ready cannot be fetched, and what is \
             still open is cancelled before it is deleted.",
        ),
        (
            "Impossible dans cet état",
            "L'état de la commande ne permet pas cela : ce qui n'est pas prêt ne se récupère pas, et ce qui est en \
             cours s'annule avant d'être supprimé.",
        ),
    ),
    of(
        "orders-exceeded",
        &[TooManyRequests],
        (
            "Too many orders under way",
            "Each account may have some orders under way at a time. Wait until one is done, or cancel one; your account \
             page tells how many you may have.",
        ),
        (
            "Trop de commandes en cours",
            "Chaque compte peut avoir quelques commandes en cours à la fois. Attendez que l'une soit terminée, ou \
             annulez-en une ; la page de votre compte dit combien vous pouvez en avoir.",
        ),
    ),
    of(
        "orders-room",
        &[Conflict, StorageFull],
        (
            "No room for the order",
            "Series, conversions and documents that are written for orders take room on the disk, of which each account has \
             its share. Delete orders that you have fetched, or try again when older ones have ended.",
        ),
        (
            "Plus de place pour la commande",
            "Les séries, conversions et documents écrits pour les commandes occupent de l'espace disque, dont chaque compte \
             a sa part. Supprimez les commandes déjà récupérées, ou réessayez quand de plus anciennes auront pris fin.",
        ),
    ),
    of(
        "page",
        &[Invalid],
        ("No such page of the table", "Pages of the table are counted from 1."),
        ("Page du tableau inexistante", "Les pages du tableau se comptent à partir de 1."),
    ),
    of(
        "page-expired",
        &[Gone],
        (
            "Page no longer kept",
            "Pages ordered by how well they match are kept for ten minutes, since every change of the data changes \
             that order. Begin at the first page, or choose another order, whose pages do not expire.",
        ),
        (
            "Page qui n'est plus conservée",
            "Les pages classées par pertinence sont conservées dix minutes, car tout changement des données change ce \
             classement. Repartez de la première page, ou choisissez un autre ordre, dont les pages n'expirent pas.",
        ),
    ),
    of(
        "page-not-found",
        &[NotFound],
        ("No such page", "There is no such text. The foot of every page links to those that there are."),
        ("Page introuvable", "Ce texte n'existe pas. Le pied de chaque page mène à ceux qui existent."),
    ),
    of(
        "page-too-far",
        &[Invalid],
        (
            "Page too far",
            "A page that is asked for by its number lies too far from the first. The links to the next page lead on \
             without a limit; a narrower question has fewer pages.",
        ),
        (
            "Page trop lointaine",
            "Une page demandée par son numéro est trop loin de la première. Les liens vers la page suivante mènent plus \
             loin, sans limite ; une question plus étroite a moins de pages.",
        ),
    ),
    of(
        "page-too-large",
        &[Invalid],
        (
            "Page too large",
            "The items of this page are too many bytes together. A smaller limit gives smaller pages; a download of the \
             whole result has no such limit.",
        ),
        (
            "Page trop volumineuse",
            "Les éléments de cette page font trop d'octets ensemble. Une limite plus petite donne des pages plus petites ; \
             le téléchargement du résultat entier n'a pas cette limite.",
        ),
    ),
    of(
        "parameter",
        &[Invalid],
        (
            "Parameter not known here",
            "The address has a parameter that is not known here, or a collection declares a parameter wrongly. Check \
             the spelling; what is accepted is listed below.",
        ),
        (
            "Paramètre inconnu ici",
            "L'adresse contient un paramètre inconnu ici, ou une collection déclare mal un paramètre. Vérifiez \
             l'orthographe ; ce qui est accepté est indiqué plus bas.",
        ),
    ),
    of(
        "parameter-declaration",
        &[Invalid],
        (
            "Parameter declared differently",
            "The observations declare a parameter with another unit or datum than the collection. Convert the \
             values, or give the parameter another name.",
        ),
        (
            "Paramètre déclaré autrement",
            "Les observations déclarent un paramètre avec une autre unité ou une autre référence que la collection. \
             Convertissez les valeurs, ou donnez un autre nom au paramètre.",
        ),
    ),
    of(
        "parameter-name",
        &[Invalid],
        (
            "Quantity not there",
            "The collection has no quantity of this name, or too many were chosen at once. The quantities on offer \
             are listed below.",
        ),
        (
            "Grandeur absente",
            "La collection n'a pas de grandeur de ce nom, ou trop ont été choisies à la fois. Les grandeurs \
             proposées sont indiquées plus bas.",
        ),
    ),
    of(
        "parameter-type",
        &[Invalid],
        (
            "Values of another type",
            "The values of a parameter are of another type (number, whole number, text) than the collection holds.",
        ),
        (
            "Valeurs d'un autre type",
            "Les valeurs d'un paramètre sont d'un autre type (nombre, entier, texte) que celles de la collection.",
        ),
    ),
    of(
        "password-weak",
        &[Invalid],
        ("Password too easy", "The password is too short, too long, or one that everybody would try first."),
        (
            "Mot de passe trop facile",
            "Le mot de passe est trop court, trop long, ou de ceux que chacun essaierait d'abord.",
        ),
    ),
    of(
        "password-wrong",
        &[Forbidden],
        ("Password wrong", "The password of the account is needed here, and this is another one."),
        ("Mot de passe erroné", "Le mot de passe du compte est nécessaire ici, et celui-ci n'est pas le bon."),
    ),
    of(
        "patch",
        &[Invalid],
        (
            "Change not understood",
            "A change of a collection or item is a JSON object (JSON merge patch) with the members to change.",
        ),
        (
            "Modification incomprise",
            "La modification d'une collection ou d'un élément est un objet JSON (JSON merge patch) qui contient les \
             membres à changer.",
        ),
    ),
    of(
        "path",
        &[Invalid],
        ("Address not readable", "The path of the address is not UTF-8. Encode special characters anew."),
        ("Adresse illisible", "Le chemin de l'adresse n'est pas en UTF-8. Encodez de nouveau les caractères spéciaux."),
    ),
    of(
        "place",
        &[Invalid],
        ("One place is needed", "Name one place: a position, a stored place, or a box, and only one of them."),
        (
            "Un lieu est nécessaire",
            "Indiquez un lieu : une position, un lieu enregistré ou un cadre, et un seul des trois.",
        ),
    ),
    of(
        "place-unknown",
        &[Invalid],
        (
            "No place of this name",
            "No stored place is called like this. Check the spelling, take one of the suggestions, or draw an area \
             on the map.",
        ),
        (
            "Lieu inconnu",
            "Aucun lieu enregistré ne porte ce nom. Vérifiez l'orthographe, prenez une des suggestions ou dessinez \
             une zone sur la carte.",
        ),
    ),
    of(
        "point",
        &[Invalid],
        (
            "Position not understood",
            "A position is longitude and latitude in degrees with a comma between, such as 1.44,43.60.",
        ),
        (
            "Position incomprise",
            "Une position est une longitude et une latitude en degrés, séparées par une virgule, par exemple \
             1.44,43.60.",
        ),
    ),
    of(
        "precondition",
        &[PreconditionFailed],
        (
            "Condition of the write not met",
            "What is stored is not what If-Match or If-None-Match says. Nothing was written; read it again and \
             repeat your change.",
        ),
        (
            "Condition d'écriture non remplie",
            "Ce qui est enregistré n'est pas ce que dit If-Match ou If-None-Match. Rien n'a été écrit ; relisez-le \
             et recommencez.",
        ),
    ),
    of(
        "problem-not-found",
        &[NotFound],
        ("No such type of problem", "There is no type of problem of this name. The list of problem types shows all."),
        ("Type de problème inconnu", "Il n'y a pas de type de problème de ce nom. La liste des types les montre tous."),
    ),
    of(
        "properties",
        &[Invalid],
        ("Properties of tiles not understood", "Name a few properties, separated by commas, in one parameter."),
        (
            "Propriétés des tuiles incomprises",
            "Nommez quelques propriétés, séparées par des virgules, dans un seul paramètre.",
        ),
    ),
    of(
        "query",
        &[Invalid],
        (
            "Address not readable",
            "What follows the question mark of the address is not name=value pairs joined by &. Encode special \
             characters anew.",
        ),
        (
            "Adresse illisible",
            "Ce qui suit le point d'interrogation de l'adresse n'est pas une suite de paires nom=valeur jointes par \
             &. Encodez de nouveau les caractères spéciaux.",
        ),
    ),
    of(
        "range",
        &[RangeNotSatisfiable],
        (
            "No such bytes",
            "None of the bytes that the Range header asks for are in the file, or it asks for more ranges than make \
             sense. The Content-Range header of the answer tells the file's length.",
        ),
        (
            "Octets inexistants",
            "Aucun des octets demandés par l'en-tête Range n'est dans le fichier, ou il demande plus d'intervalles \
             que de raison. L'en-tête Content-Range de la réponse dit la longueur du fichier.",
        ),
    ),
    of(
        "rate-limited",
        &[TooManyRequests],
        (
            "Asked too often",
            "This network address, key or account has used up what it may send at once of requests of this kind. They \
             come back with time: Retry-After says in how many seconds the next is possible. Signed in, or with a key, \
             you have a budget of your own.",
        ),
        (
            "Demandes trop fréquentes",
            "Cette adresse réseau, cette clé ou ce compte a épuisé ce qu'il peut envoyer d'un coup en requêtes de ce \
             genre. Elles reviennent avec le temps : Retry-After dit dans combien de secondes la prochaine est possible. \
             Connecté, ou avec une clé, vous disposez d'un budget propre.",
        ),
    ),
    of(
        "read-only",
        &[Unavailable],
        (
            "No writing at the moment",
            "Reading goes on, and nothing can be written until those who run the service have looked.",
        ),
        (
            "Écriture impossible pour le moment",
            "La lecture continue, mais rien ne peut être écrit tant que ceux qui exploitent le service ne sont pas \
             intervenus.",
        ),
    ),
    of(
        "reference",
        &[Invalid],
        (
            "Stored place not found",
            "A place is named as COLLECTION.ID and must be a stored item with a shape. This one is not there, or has \
             none.",
        ),
        (
            "Lieu enregistré introuvable",
            "Un lieu se nomme COLLECTION.ID et doit être un élément enregistré ayant une forme. Celui-ci n'existe \
             pas, ou n'en a pas.",
        ),
    ),
    of(
        "relevance-without-words",
        &[Invalid],
        ("Order by relevance without words", "Only a search for words can be ordered by how well they match. Add q."),
        ("Tri par pertinence sans mots", "Seule une recherche de mots peut être triée par pertinence. Ajoutez q."),
    ),
    of(
        "remote-size",
        &[TooLarge],
        (
            "The file is too large to be handed on",
            "The file lies on another server and is larger than this service hands on.",
        ),
        (
            "Fichier trop grand pour être relayé",
            "Le fichier se trouve sur un autre serveur et dépasse la taille que ce service relaie.",
        ),
    ),
    of(
        "remote-unavailable",
        &[Unavailable],
        (
            "The other server does not give the file",
            "The file lies on another server, which does not answer, answers with something else, or must not be \
             asked. Try again later.",
        ),
        (
            "L'autre serveur ne donne pas le fichier",
            "Le fichier se trouve sur un autre serveur, qui ne répond pas, répond autre chose, ou ne doit pas être \
             interrogé. Réessayez plus tard.",
        ),
    ),
    of(
        "repeated-parameter",
        &[Invalid],
        (
            "Parameter given twice",
            "A parameter stands more than once in the address. Keep it once; lists are written with commas.",
        ),
        (
            "Paramètre répété",
            "Un paramètre figure plus d'une fois dans l'adresse. Ne le gardez qu'une fois ; les listes s'écrivent \
             avec des virgules.",
        ),
    ),
    of(
        "request",
        &[
            Invalid,
            Unauthorized,
            Forbidden,
            NotFound,
            MethodNotAllowed,
            Kind::NotAcceptable,
            Conflict,
            Gone,
            PreconditionFailed,
            TooLarge,
            UnsupportedMediaType,
            Unavailable,
            StorageFull,
            Timeout,
        ],
        ("Request refused", "The request is not one that this service can answer. The detail says why."),
        (
            "Requête refusée",
            "La requête n'est pas de celles auxquelles ce service peut répondre. Le détail dit pourquoi.",
        ),
    ),
    of(
        "required-member",
        &[Invalid],
        ("Something is missing", "A part of the request that must be there is missing; the problem names it."),
        ("Élément manquant", "Un élément nécessaire de la requête manque ; le problème le nomme."),
    ),
    of(
        "resample",
        &[Invalid],
        ("Statistics not possible", "A statistic needs a calendar step (resample) and quantities that are numbers."),
        (
            "Statistique impossible",
            "Une statistique demande un pas de calendrier (resample) et des grandeurs numériques.",
        ),
    ),
    of(
        "role",
        &[Invalid],
        ("No such role", "The roles are visitor, user, operator and administrator."),
        ("Rôle inconnu", "Les rôles sont visitor, user, operator et administrator."),
    ),
    of(
        "role-required",
        &[Forbidden],
        ("Role too small", "This needs a role that the account does not have."),
        ("Rôle insuffisant", "Cela demande un rôle que le compte n'a pas."),
    ),
    of(
        "search-not-found",
        &[NotFound],
        ("No such kept question", "No question is kept under this identifier. Ask it anew."),
        (
            "Question conservée introuvable",
            "Aucune question n'est conservée sous cet identifiant. Posez-la de nouveau.",
        ),
    ),
    of(
        "searches-full",
        &[StorageFull],
        (
            "No room for kept questions",
            "The service has no room to keep this question. It can still be asked with POST /search.",
        ),
        (
            "Plus de place pour les questions",
            "Le service n'a plus de place pour conserver cette question. Elle peut toujours être posée par POST \
             /search.",
        ),
    ),
    of(
        "series-features",
        &[TooLarge],
        (
            "Too many features",
            "More features have observations here than this format takes. Choose a smaller place, add conditions, or \
             take CSV, Parquet or Arrow.",
        ),
        (
            "Trop d'objets",
            "Plus d'objets ont ici des observations que ce format n'en accepte. Choisissez un lieu plus petit, \
             ajoutez des conditions, ou prenez CSV, Parquet ou Arrow.",
        ),
    ),
    of(
        "session-not-found",
        &[NotFound],
        ("No such session", "The account has no such session; it may have ended."),
        ("Session introuvable", "Le compte n'a pas de telle session ; elle a peut-être pris fin."),
    ),
    of(
        "sign-in-busy",
        &[Unavailable],
        ("Many are signing in", "So many people are signing in that this one has to wait. Try again in a moment."),
        ("Affluence", "Tant de personnes se connectent que celle-ci doit attendre. Réessayez dans un instant."),
    ),
    of(
        "sign-in-refused",
        &[Unauthorized],
        (
            "Not signed in",
            "The address or the password is wrong, or the address is not confirmed yet: look for the letter with the link.",
        ),
        (
            "Connexion refusée",
            "L'adresse ou le mot de passe est erroné, ou l'adresse n'est pas encore confirmée : cherchez la lettre contenant le lien.",
        ),
    ),
    of(
        "sign-in-required",
        &[Unauthorized],
        ("Account needed", "This needs an account: sign in, or send an API key."),
        ("Compte nécessaire", "Cela demande un compte : connectez-vous, ou envoyez une clé d'API."),
    ),
    of(
        "sign-up-closed",
        &[Forbidden],
        ("Sign-up closed", "Accounts of this service are made by its administrators alone. Ask them."),
        (
            "Inscription fermée",
            "Les comptes de ce service sont créés par ses seuls administrateurs. Adressez-vous à eux.",
        ),
    ),
    of(
        "sitemap-not-found",
        &[NotFound],
        (
            "No such part of the site map",
            "This part of the site map does not exist, or not any more. Begin with /sitemap.xml.",
        ),
        (
            "Partie du plan du site introuvable",
            "Cette partie du plan du site n'existe pas, ou plus. Commencez par /sitemap.xml.",
        ),
    ),
    of(
        "step",
        &[Invalid],
        ("Step not understood", "A step of the calendar is written like P1D (a day), P1M (a month) or P1Y (a year)."),
        ("Pas incompris", "Un pas de calendrier s'écrit comme P1D (un jour), P1M (un mois) ou P1Y (une année)."),
    ),
    of(
        "storage-full",
        &[StorageFull],
        (
            "No room left",
            "The service has no room left; nothing was written. Try again when those who run it have made room.",
        ),
        (
            "Plus de place",
            "Le service n'a plus de place ; rien n'a été écrit. Réessayez quand ceux qui l'exploitent auront fait de \
             la place.",
        ),
    ),
    of(
        "store",
        &[Invalid],
        (
            "No such store",
            "No store of this name takes files, or none is named where several do. The answer lists those that do.",
        ),
        (
            "Entrepôt inconnu",
            "Aucun entrepôt de ce nom n'accepte de fichiers, ou aucun n'est nommé alors que plusieurs en acceptent. \
             La réponse les énumère.",
        ),
    ),
    of(
        "store-full",
        &[StorageFull],
        ("The store is full", "The store has no room for the file. Nothing of it was kept."),
        ("Entrepôt plein", "L'entrepôt n'a plus de place pour le fichier. Rien n'en a été gardé."),
    ),
    of(
        "store-read-only",
        &[Forbidden],
        (
            "The store takes no files",
            "This store is only read from. Whoever runs the service decides that with the setting writable.",
        ),
        (
            "L'entrepôt n'accepte pas de fichiers",
            "Cet entrepôt est en lecture seule. L'exploitant du service en décide par le paramètre writable.",
        ),
    ),
    of(
        "store-unavailable",
        &[Unavailable],
        (
            "The store does not answer",
            "The store in which the file lies does not answer as it should. Try again later.",
        ),
        (
            "L'entrepôt ne répond pas",
            "L'entrepôt où se trouve le fichier ne répond pas comme il devrait. Réessayez plus tard.",
        ),
    ),
    of(
        "text-size",
        &[Invalid],
        ("Text too long", "The text typed is longer than what is looked up."),
        ("Texte trop long", "Le texte saisi est plus long que ce qui est recherché."),
    ),
    of(
        "tile",
        &[NotFound, Invalid],
        (
            "No such tile",
            "A tile of the map is named by zoom, row and column, whole numbers from 0 on. There is none of these \
             numbers.",
        ),
        (
            "Tuile inexistante",
            "Une tuile de la carte se nomme par niveau de zoom, ligne et colonne, des entiers à partir de 0. Il n'y \
             en a pas sous ces numéros.",
        ),
    ),
    of(
        "timeout",
        &[Timeout],
        (
            "Took too long",
            "The answer took longer than this service allows. Ask for less: a smaller place, a shorter period, fewer \
             collections.",
        ),
        (
            "Délai dépassé",
            "La réponse a pris plus de temps que ce service ne l'accorde. Demandez moins : un lieu plus petit, une \
             période plus courte, moins de collections.",
        ),
    ),
    of(
        "timezone",
        &[Invalid],
        ("Time zone missing", "The table's times do not say their time zone. Name it in the mapping."),
        (
            "Fuseau horaire manquant",
            "Les heures du tableau ne disent pas leur fuseau. Indiquez-le dans la description du tableau.",
        ),
    ),
    of(
        "token",
        &[Invalid],
        (
            "Link to a page out of order",
            "The address of this page of results is damaged or belongs to another question. Begin at the first page \
             of the results.",
        ),
        (
            "Lien de page inutilisable",
            "L'adresse de cette page de résultats est abîmée ou appartient à une autre question. Repartez de la \
             première page des résultats.",
        ),
    ),
    of(
        "token-refused",
        &[Unauthorized],
        (
            "Token refused",
            "The token was not made by this service's issuer, not for this service, or not for now. Get a new access token.",
        ),
        (
            "Jeton refusé",
            "Le jeton n'a pas été établi par l'émetteur de ce service, ou pas pour ce service, ou pas pour maintenant. Obtenez un nouveau jeton d'accès.",
        ),
    ),
    of(
        "too-many-attempts",
        &[TooManyRequests],
        (
            "Too many attempts",
            "There were too many attempts with this account or from this network. Wait some minutes.",
        ),
        (
            "Trop de tentatives",
            "Il y a eu trop de tentatives sur ce compte ou depuis ce réseau. Attendez quelques minutes.",
        ),
    ),
    of(
        "too-many-buckets",
        &[Invalid],
        (
            "Counted too finely",
            "The counts would have more classes than this service answers with. Ask for a coarser grid or step, or a \
             narrower question.",
        ),
        (
            "Comptage trop fin",
            "Le comptage aurait plus de classes que ce service n'en rend. Demandez une grille ou un pas plus \
             grossier, ou une question plus étroite.",
        ),
    ),
    of(
        "too-many-shapes",
        &[Invalid],
        (
            "Too many shapes to count",
            "More shapes match than can be covered with cells. Ask a narrower question, or count by the middle of \
             each shape.",
        ),
        (
            "Trop de formes à compter",
            "Plus de formes correspondent qu'on ne peut en couvrir de cellules. Posez une question plus étroite, ou \
             comptez par le centre de chaque forme.",
        ),
    ),
    of(
        "too-many-values",
        &[TooLarge],
        (
            "Too much in one parameter",
            "A parameter holds more values or characters than this service takes. Shorten it, or ask in several \
             questions.",
        ),
        (
            "Trop dans un paramètre",
            "Un paramètre contient plus de valeurs ou de caractères que ce service n'en accepte. Raccourcissez-le, \
             ou posez plusieurs questions.",
        ),
    ),
    of(
        "unknown-parameter",
        &[Invalid],
        (
            "Parameter not known",
            "The question has a parameter that is not known here. Check the spelling; those that are known are \
             listed below.",
        ),
        (
            "Paramètre inconnu",
            "La question contient un paramètre inconnu ici. Vérifiez l'orthographe ; les paramètres connus sont \
             indiqués plus bas.",
        ),
    ),
    of(
        "unknown-property",
        &[Invalid],
        (
            "Property not known",
            "A condition of a strict question, or a count over a collection, names a property that no item in question \
             has. Check the spelling; the nearest known one is told below, and the queryables list all.",
        ),
        (
            "Propriété inconnue",
            "Une condition d'une question stricte, ou un décompte sur une collection, nomme une propriété qu'aucun élément \
             concerné ne porte. Vérifiez l'orthographe ; la plus proche connue est indiquée plus bas, et la liste des \
             propriétés filtrables les donne toutes.",
        ),
    ),
    of(
        "unknown-sort-field",
        &[Invalid],
        ("Cannot be sorted by this", "No item has the property to sort by. The sortables list those that there are."),
        (
            "Tri impossible",
            "Aucun élément n'a la propriété de tri demandée. La liste des propriétés de tri (sortables) montre \
             celles qui existent.",
        ),
    ),
    of(
        "unknown-source",
        &[Invalid],
        ("File not recognised", "The file is of no kind that can be loaded. What is understood is listed below."),
        (
            "Fichier non reconnu",
            "Le fichier n'est d'aucun genre que l'on puisse charger. Ce qui est compris est indiqué plus bas.",
        ),
    ),
    of(
        "upload-differs",
        &[Invalid],
        (
            "Not the file that was announced",
            "The bytes that came have another number or another checksum than was announced. Nothing of them was \
             kept: send the file again.",
        ),
        (
            "Ce n'est pas le fichier annoncé",
            "Les octets reçus ont un autre nombre ou une autre somme de contrôle qu'annoncé. Rien n'en a été gardé : \
             renvoyez le fichier.",
        ),
    ),
    of(
        "url-size",
        &[TooLarge],
        (
            "Address too long",
            "The address is longer than this service takes. Ask with POST /search, or keep the question with POST \
             /searches and use its short address.",
        ),
        (
            "Adresse trop longue",
            "L'adresse est plus longue que ce service ne l'accepte. Posez la question par POST /search, ou \
             conservez-la par POST /searches et utilisez son adresse courte.",
        ),
    ),
    of(
        "user-exists",
        &[Conflict],
        ("Account exists", "There is an account with this name or address already."),
        ("Compte existant", "Un compte porte déjà ce nom ou cette adresse."),
    ),
    of(
        "user-name",
        &[Invalid],
        ("User's name not allowed", "The name of a user is empty, too long, or contains control characters."),
        (
            "Nom d'utilisateur non admis",
            "Le nom d'un utilisateur est vide, trop long, ou contient des caractères de commande.",
        ),
    ),
    of(
        "user-not-found",
        &[NotFound],
        ("No such account", "There is no such account."),
        ("Compte introuvable", "Ce compte n'existe pas."),
    ),
    of(
        "utf-8",
        &[Invalid],
        (
            "Line not readable",
            "A line of the stream is not UTF-8 text. The other lines were read; correct this one and send it again.",
        ),
        (
            "Ligne illisible",
            "Une ligne du flux n'est pas un texte UTF-8. Les autres lignes ont été lues ; corrigez celle-ci et \
             renvoyez-la.",
        ),
    ),
    of(
        "version-unknown",
        &[Invalid],
        (
            "No such version",
            "This feature has no observations of this version. The versions that it has are listed; `latest` takes the \
             newest of each moment.",
        ),
        (
            "Version inconnue",
            "Cet objet n'a pas d'observations de cette version. Celles qu'il a sont indiquées ; `latest` prend la plus \
             récente de chaque instant.",
        ),
    ),
    of(
        "volume-exceeded",
        &[TooManyRequests],
        (
            "Daily volume used up",
            "Each account may fetch a number of bytes of files a day, and this file is larger than what is left of today. \
             The day ends at midnight UTC. Your account page tells what is left; ask the people who run this service if \
             you need more.",
        ),
        (
            "Volume quotidien épuisé",
            "Chaque compte peut télécharger un certain nombre d'octets de fichiers par jour, et ce fichier dépasse ce \
             qui reste aujourd'hui. La journée se termine à minuit UTC. La page de votre compte dit ce qui reste ; \
             adressez-vous à ceux qui exploitent ce service s'il vous en faut davantage.",
        ),
    ),
    of(
        "webhook",
        &[Invalid],
        (
            "Not a webhook",
            "Messages are sent to public servers by https, or to those that the service names, without credentials in the address.",
        ),
        (
            "Adresse de message non valide",
            "Les messages sont envoyés par https à des serveurs publics, ou à ceux que le service désigne, sans identifiants dans l'adresse.",
        ),
    ),
    of(
        "within",
        &[Invalid],
        ("Distance missing or not understood", "A distance is a number (within) together with a unit (within-units)."),
        (
            "Distance manquante ou incomprise",
            "Une distance est un nombre (within) accompagné d'une unité (within-units).",
        ),
    ),
    of(
        "within-units",
        &[Invalid],
        ("Unit of distance not known", "The unit of the distance is not known. Those that are known are listed below."),
        (
            "Unité de distance inconnue",
            "L'unité de la distance est inconnue. Les unités connues sont indiquées plus bas.",
        ),
    ),
    of(
        "write-failed",
        &[Unavailable],
        ("Write failed", "Nothing was written, since the store failed. Try again later."),
        ("Écriture échouée", "Rien n'a été écrit, car l'enregistrement a échoué. Réessayez plus tard."),
    ),
    of(
        "writer-ended",
        &[Unavailable],
        ("Writing has ended", "The catalogue takes no more records, since its writer ended. Start again."),
        (
            "Écriture terminée",
            "Le catalogue n'accepte plus d'enregistrements, car l'écriture s'est arrêtée. Recommencez.",
        ),
    ),
    of(
        "zip",
        &[Invalid],
        ("Archive damaged", "The ZIP archive cannot be read. Fetch it again."),
        ("Archive endommagée", "L'archive ZIP est illisible. Téléchargez-la de nouveau."),
    ),
    of(
        "zip-size",
        &[TooLarge],
        (
            "Archive too large",
            "The ZIP archive holds more or larger files than can be read. Unpack it and load the files.",
        ),
        (
            "Archive trop grande",
            "L'archive ZIP contient plus de fichiers, ou de plus grands, qu'on ne peut en lire. Décompressez-la et \
             chargez les fichiers.",
        ),
    ),
];

#[cfg(test)]
mod tests;
