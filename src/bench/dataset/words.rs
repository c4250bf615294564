//! Words, names and places for generated rows, drawn with the skew that real ones have.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::sync::LazyLock;

/// The common words of descriptions and notes, the frequent ones first.
static WORDS: LazyLock<Vec<&str>> = LazyLock::new(|| {
    "the and for with this your from that size our black white steel order wood cotton easy light made large small \
     blue green red soft strong classic modern design quality kitchen garden office travel outdoor winter summer \
     daily water glass paper leather wool linen oak pine brass copper ceramic canvas pocket handle cover frame table \
     chair lamp desk shelf basket bottle cup bowl plate knife spoon towel blanket pillow curtain carpet mirror clock \
     candle vase jacket shirt trousers socks gloves scarf belt wallet backpack suitcase umbrella bicycle helmet tent \
     rope torch hammer screw drill saw pliers ladder bucket brush paint glue tape battery cable charger speaker \
     keyboard screen camera printer radio phone watch ring necklace soap cream perfume tea coffee sugar honey bread \
     cheese olive pepper salt rice pasta apple orange lemon berry flower seed soil pot hose grill charcoal bench \
     hammock parasol delivery return warranty washable durable foldable portable adjustable waterproof handmade \
     recycled organic limited spare replacement compatible assembled adhesive insulated reversible telescopic \
     magnetic"
        .split_whitespace()
        .collect()
});

static FIRST_NAMES: LazyLock<Vec<&str>> = LazyLock::new(|| {
    "Maria Anna John Peter Laura Michael Sofia David Emma Daniel Julia Thomas Elena Martin Sarah Lucas Nina Paul \
     Clara Jonas Alice Mark Irene Felix Hannah Oscar Ines Simon Olivia Hugo Zo\u{eb} Ren\u{e9} Bj\u{f6}rn \u{c5}sa \
     Jos\u{e9} Chlo\u{e9} Ji\u{159}\u{ed} Ay\u{15f}e Kenji Mei Arjun Fatima Omar Leila Ivan Olga Tom\u{e1}\u{161} \
     Nguy\u{1ec5}n"
        .split_whitespace()
        .collect()
});

static LAST_NAMES: LazyLock<Vec<&str>> = LazyLock::new(|| {
    "Smith Garcia Martin Rossi Novak Jansen Silva Schmidt Jones Brown Meyer Bernard Wilson Fischer Lopez Costa Weber \
     Dubois Larsen Hansen Kowalski Nielsen Moreau Wagner Taylor Ricci Horvat Petrov Virtanen Evans Keller Baker \
     Marino Clark Hoffmann Walker Santos Young King Wright M\u{fc}ller Garc\u{ed}a S\u{f8}rensen Dvo\u{159}\u{e1}k \
     Y\u{131}lmaz Tanaka Chen Singh Okafor O'Brien"
        .split_whitespace()
        .collect()
});

const CITIES: [(&str, &str); 24] = [
    ("London", "GB"),
    ("Paris", "FR"),
    ("Berlin", "DE"),
    ("Madrid", "ES"),
    ("Rome", "IT"),
    ("Vienna", "AT"),
    ("Amsterdam", "NL"),
    ("Lisbon", "PT"),
    ("Prague", "CZ"),
    ("Warsaw", "PL"),
    ("Dublin", "IE"),
    ("Stockholm", "SE"),
    ("Oslo", "NO"),
    ("Helsinki", "FI"),
    ("Brussels", "BE"),
    ("Athens", "GR"),
    ("Budapest", "HU"),
    ("M\u{fc}nchen", "DE"),
    ("Z\u{fc}rich", "CH"),
    ("K\u{f8}benhavn", "DK"),
    ("S\u{e3}o Paulo", "BR"),
    ("\u{130}stanbul", "TR"),
    ("\u{6771}\u{4eac}", "JP"),
    ("Krak\u{f3}w", "PL"),
];

/// A whole number below `n`, small ones far more often: the popular product, the busy customer.
pub fn skewed(rng: &mut ChaCha8Rng, n: u64) -> u64 {
    let x: f64 = rng.random();
    ((x * x * x * n as f64) as u64).min(n.saturating_sub(1))
}

/// One of the values, the first ones more often.
pub fn pick<'a, T: ?Sized>(rng: &mut ChaCha8Rng, values: &[&'a T]) -> &'a T {
    values[skewed(rng, values.len() as u64) as usize]
}

/// A given name and a family name.
pub fn full_name(rng: &mut ChaCha8Rng) -> (&'static str, &'static str) {
    (pick(rng, &FIRST_NAMES), pick(rng, &LAST_NAMES))
}

/// A city and its country's two letters.
pub fn city(rng: &mut ChaCha8Rng) -> (&'static str, &'static str) {
    CITIES[skewed(rng, CITIES.len() as u64) as usize]
}

/// `count` words with spaces between, the first with a capital letter.
pub fn phrase(rng: &mut ChaCha8Rng, count: usize) -> String {
    let mut text = String::with_capacity(count * 7);
    for i in 0..count {
        let word = pick(rng, &WORDS);
        if i == 0 {
            let (head, rest) = word.split_at(1);
            text.push_str(&head.to_ascii_uppercase());
            text.push_str(rest);
        } else {
            text.push(' ');
            text.push_str(word);
        }
    }
    text
}

/// Sentences of 5 to 14 words until `bytes_min` is reached, with a paragraph's end now and then.
pub fn prose(rng: &mut ChaCha8Rng, bytes_min: usize) -> String {
    let mut text = String::with_capacity(bytes_min + 100);
    while text.len() < bytes_min {
        if !text.is_empty() {
            text.push(if rng.random_ratio(1, 8) { '\n' } else { ' ' });
        }
        let count = rng.random_range(5..15);
        text.push_str(&phrase(rng, count));
        text.push('.');
    }
    text
}
