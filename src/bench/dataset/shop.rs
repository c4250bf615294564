//! The shop: thirteen tables whose rows fit together (orders hold the sum of their lines, foreign keys
//! hold), skewed as real ones are. Definitions are in `shop_objects`.

use super::text::{RowText, date_text};
use super::words;
use super::{Dataset, TableRows, shop_objects};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// 2025-01-01 in days after 2020-01-01: orders are of that year.
const YEAR_START_DAYS: u32 = 1827;
const DAY_SECONDS: u64 = 86_400;
const YEAR_SECONDS: u64 = 365 * DAY_SECONDS;
const YEAR_START: u64 = YEAR_START_DAYS as u64 * DAY_SECONDS;

/// Rows of each table for a million in all; order lines come to 7/3 of the orders.
struct Sizes {
    users: u64,
    products: u64,
    transfers: u64,
    orders: u64,
    payments: u64,
    events: u64,
    documents: u64,
    sessions: u64,
    audit_log: u64,
    page_views: u64,
}

const CATEGORIES: [&str; 16] = [
    "Home",
    "Garden",
    "Kitchen",
    "Office",
    "Outdoor",
    "Clothing",
    "Tools",
    "Electronics",
    "Toys",
    "Books",
    "Food",
    "Beauty",
    "Sports",
    "Music",
    "Pets",
    "Gifts",
];
const AGENTS: [&str; 5] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/124.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/124.0 Mobile",
    "Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_4) AppleWebKit/605.1.15 Version/17.4 Safari",
];
const PAGES: [&str; 6] = ["/", "/search", "/product", "/cart", "/checkout", "/account"];

/// About `rows` rows in the schema `shop`.
pub fn dataset(rows: u64, seed: u64) -> Dataset {
    let share = |thousandths: u64| (rows * thousandths / 1000).max(10);
    let sizes = Sizes {
        users: share(50),
        products: share(10),
        transfers: share(100),
        orders: share(150),
        payments: share(120),
        events: share(80),
        documents: share(5),
        sessions: share(35),
        audit_log: share(20),
        page_views: share(30),
    };
    Dataset {
        schema: "shop",
        before: shop_objects::tables(),
        tables: [people(&sizes), goods(&sizes, seed), traffic(&sizes)].into_iter().flatten().collect(),
        after: shop_objects::after_rows(),
    }
}

fn people(sizes: &Sizes) -> Vec<TableRows> {
    let users = sizes.users;
    vec![
        TableRows::new(
            "users",
            "id, email, full_name, phone, city, country, birthday, status, interests, newsletter, created_at, last_login",
            users,
            user,
        ),
        TableRows::new(
            "accounts",
            "id, user_id, iban, currency, balance, opened_on, changed_at",
            users,
            |text, rng, id| {
                text.number(id).number(id).text(format!("GB{:020}", rng.random_range(0..10_u64.pow(18))));
                text.text(words::pick(rng, &["EUR", "GBP", "USD"])).decimal(rng.random_range(10_000..5_000_000), 2);
                text.date(rng.random_range(0..YEAR_START_DAYS)).moment(in_year(rng)).end();
            },
        ),
        TableRows::new(
            "transfers",
            "id, from_account, to_account, amount, reference, made_at",
            sizes.transfers,
            move |text, rng, id| {
                let from = 1 + words::skewed(rng, users);
                let to = 1 + (from + rng.random_range(0..users - 1)) % users;
                text.number(id).number(from).number(to).decimal(rng.random_range(100..100_000), 2);
                let reference = words::phrase(rng, 2);
                text.text(reference).moment_fraction(in_year(rng), rng.random_range(0..1_000_000), 6).end();
            },
        ),
    ]
}

fn user(text: &mut RowText, rng: &mut ChaCha8Rng, id: u64) {
    let (first, last) = words::full_name(rng);
    let (city, country) = words::city(rng);
    let host = words::pick(rng, &["example.com", "example.org", "example.net"]);
    text.number(id).text(format!("{}.{id}@{host}", first.to_lowercase())).text(format!("{first} {last}"));
    if rng.random_ratio(1, 3) {
        text.null();
    } else {
        text.text(format!("+{} {:03} {:06}", rng.random_range(1..99), rng.random_range(0..1000), id % 1_000_000));
    }
    text.text(city).text(country);
    if rng.random_ratio(1, 10) {
        text.null();
    } else {
        // Birthdays are before the calendar of `RowText`: its years, a lifetime of whole leap cycles earlier.
        let date = date_text(rng.random_range(0..5 * 365));
        let year = 1948 + rng.random_range(0..14) * 4;
        text.text(format!("{}{}", year + date[..4].parse::<u32>().map_or(0, |y| y - 2020), &date[4..]));
    }
    text.text(words::pick(rng, &["active", "active", "dormant", "blocked"]));
    let interests = ["music", "sport", "books", "travel"].into_iter().filter(|_| rng.random_ratio(1, 3));
    let interests = interests.collect::<Vec<_>>().join(",");
    text.text(interests).number(u8::from(rng.random_bool(0.4))).moment(rng.random_range(0..YEAR_START));
    if rng.random_ratio(1, 6) {
        text.null().end();
    } else {
        text.moment_fraction(in_year(rng), rng.random_range(0..1000), 3).end();
    }
}

fn goods(sizes: &Sizes, seed: u64) -> Vec<TableRows> {
    let Sizes { users, products, orders, .. } = *sizes;
    let order_columns = "id, user_id, status, ordered_at, shipped_at, total, note";
    let payment_columns = "id, order_id, amount, fee, method, token, paid_at";
    vec![
        TableRows::new("categories", "id, parent_id, name", CATEGORIES.len() as u64, |text, _, id| {
            text.number(id);
            // A category's parent comes before it: the foreign key points into the table itself.
            if id < 5 {
                text.null()
            } else {
                text.number(id / 4)
            };
            text.text(CATEGORIES[id as usize - 1]).end();
        }),
        TableRows::new(
            "products",
            "id, sku, category_id, name, description, price, weight_grams, rating",
            products,
            move |text, rng, id| {
                text.number(id).text(format!("{:05X}-{id:06}", rng.random_range(0..1 << 20)));
                text.number(1 + words::skewed(rng, CATEGORIES.len() as u64));
                let (name, description) = (words::phrase(rng, 3), words::prose(rng, 240));
                text.text(name).text(description).decimal(price(seed, id), 2).number(rng.random_range(20..30_000));
                if rng.random_ratio(1, 5) {
                    text.null()
                } else {
                    text.decimal(rng.random_range(100..=500), 2)
                };
                text.end();
            },
        ),
        TableRows::new("orders", order_columns, orders, move |text, rng, id| {
            let ordered = in_year(rng);
            text.number(id).number(1 + words::skewed(rng, users));
            let status = words::pick(rng, &["delivered", "shipped", "paid", "open", "returned"]);
            text.text(status).moment(ordered);
            match status {
                "delivered" | "shipped" | "returned" => text.moment(ordered + rng.random_range(3600..6 * DAY_SECONDS)),
                _ => text.null(),
            };
            text.decimal(order_lines(seed, id, products).iter().map(Line::cents).sum(), 2);
            if rng.random_ratio(1, 12) {
                let note = words::phrase(rng, 8);
                text.text(note);
            } else {
                text.null();
            }
            text.end();
        }),
        TableRows::new(
            "order_lines",
            "order_id, line_no, product_id, quantity, unit_price, discount",
            orders,
            move |text, _, order| {
                for (line, number) in order_lines(seed, order, products).iter().zip(1_u8..) {
                    text.number(order).number(number).number(line.product).number(line.quantity);
                    text.decimal(line.unit_cents, 2).decimal(line.discount_percent, 2).end();
                }
            },
        ),
        TableRows::new("payments", payment_columns, sizes.payments, move |text, rng, id| {
            let order = 1 + (id - 1) % orders;
            let cents: i64 = order_lines(seed, order, products).iter().map(Line::cents).sum();
            text.number(id).number(order).decimal(cents, 2).decimal(cents * 29 / 10 + 3000, 4);
            text.text(words::pick(rng, &["card", "transfer", "wallet", "cash"]));
            let mut token = [0_u8; 16];
            rng.fill_bytes(&mut token);
            text.text(token).moment_fraction(in_year(rng), rng.random_range(0..1_000_000), 6).end();
        })
        .bytes(),
    ]
}

fn traffic(sizes: &Sizes) -> Vec<TableRows> {
    let Sizes { users, products, .. } = *sizes;
    vec![
        TableRows::new("events", "id, user_id, kind, payload, happened_at", sizes.events, move |text, rng, id| {
            let kind = words::pick(rng, &["view", "search", "add", "remove", "checkout", "login"]);
            let user = 1 + words::skewed(rng, users);
            let payload = event_payload(rng, kind, products);
            text.number(id).number(user).text(kind).text(payload);
            text.moment_fraction(in_year(rng), rng.random_range(0..1000), 3).end();
        }),
        TableRows::new(
            "documents",
            "id, user_id, title, body, content, content_type",
            sizes.documents,
            document(users),
        )
        .bytes(),
        TableRows::new(
            "sessions",
            "id, user_id, ip, agent, started_at, seen_at",
            sizes.sessions,
            move |text, rng, _| {
                let started = in_year(rng);
                text.text(uuid(rng)).number(1 + words::skewed(rng, users));
                text.text([10, rng.random(), rng.random(), rng.random::<u8>()]).text(words::pick(rng, &AGENTS));
                text.moment(started).moment(started + rng.random_range(0..2 * DAY_SECONDS)).end();
            },
        )
        .bytes(),
        audit_log(sizes.audit_log, users),
        TableRows::new(
            "page_views",
            "id, viewed_on, page, product_id, milliseconds",
            sizes.page_views,
            move |text, rng, id| {
                text.number(id).date(YEAR_START_DAYS + rng.random_range(0..365)).text(words::pick(rng, &PAGES));
                text.number(1 + words::skewed(rng, products)).number(words::skewed(rng, 60_000)).end();
            },
        ),
    ]
}

/// Half of the contents are like pictures (random bytes), half like texts and tables.
fn document(users: u64) -> impl Fn(&mut RowText, &mut ChaCha8Rng, u64) + Send + Sync + 'static {
    move |text, rng, id| {
        let owner = 1 + words::skewed(rng, users);
        let size = 200 + words::skewed(rng, 20_000) as usize;
        let (title, body) = (words::phrase(rng, 4), words::prose(rng, size / 2));
        text.number(id).number(owner).text(title).text(body);
        if id % 2 == 0 {
            let mut content = vec![0; size];
            rng.fill_bytes(&mut content);
            text.text(content).text("image/jpeg").end();
        } else {
            let content = words::prose(rng, size);
            text.text(content).text("text/plain").end();
        }
    }
}

/// Without any key, with equal rows among its rows, in the order in which things happened.
fn audit_log(rows: u64, users: u64) -> TableRows {
    let mut table =
        TableRows::new("audit_log", "happened_at, actor, action, object, detail", rows, move |text, rng, id| {
            // A batch job logs the same line three times.
            let step = YEAR_SECONDS / rows.max(1);
            text.moment(YEAR_START + (id / 3) * 3 * step);
            if (id / 3) % 50 == 0 {
                text.text("batch").text("reindex").text("products").null().end();
                return;
            }
            text.text(format!("user{}", 1 + words::skewed(rng, users)));
            text.text(words::pick(rng, &["update", "login", "export", "delete"]));
            let detail = words::phrase(rng, 5);
            text.text(format!("order {}", rng.random_range(1..100_000))).text(detail).end();
        });
    table.in_order = true;
    table
}

fn event_payload(rng: &mut ChaCha8Rng, kind: &str, products: u64) -> String {
    let page = words::pick(rng, &PAGES);
    let (width, height) =
        *[(1920, 1080), (390, 844), (1440, 900), (412, 915)].get(rng.random_range(0..4)).unwrap_or(&(0, 0));
    let mut fields = vec![
        format!("\"page\": \"{page}\""),
        format!("\"screen\": [{width}, {height}]"),
        format!("\"mobile\": {}", width < 500),
    ];
    match kind {
        "search" => fields.push(format!(
            "\"query\": {{\"words\": \"{}\", \"hits\": {}}}",
            words::phrase(rng, 2),
            words::skewed(rng, 5000)
        )),
        "login" => fields.push("\"device\": null".into()),
        _ => fields.push(format!(
            "\"product\": {{\"id\": {}, \"score\": {}.{}}}",
            1 + words::skewed(rng, products),
            rng.random_range(0..10),
            rng.random_range(1..100)
        )),
    }
    format!("{{{}}}", fields.join(", "))
}

/// One line of an order.
struct Line {
    product: u64,
    quantity: i64,
    unit_cents: i64,
    /// In hundredths of a percent.
    discount_percent: i64,
}

impl Line {
    /// Rounded half up, as the server's ROUND does in the generated column.
    fn cents(&self) -> i64 {
        (self.quantity * self.unit_cents * (10_000 - self.discount_percent) + 5_000) / 10_000
    }
}

/// The lines of an order, the same whoever asks: one to four, 7/3 on average.
fn order_lines(seed: u64, order: u64, products: u64) -> Vec<Line> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ order.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let count = [1, 1, 2, 2, 4, 4][rng.random_range(0..6)];
    let line = |_| {
        let product = 1 + words::skewed(&mut rng, products);
        Line {
            product,
            quantity: 1 + words::skewed(&mut rng, 5) as i64,
            unit_cents: price(seed, product),
            discount_percent: if rng.random_ratio(1, 8) { 1000 } else { 0 },
        }
    };
    (0..count).map(line).collect()
}

/// A product's price in cents.
fn price(seed: u64, product: u64) -> i64 {
    let mixed = (seed ^ product).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    99 + (mixed % 400) as i64 * 25
}

fn in_year(rng: &mut ChaCha8Rng) -> u64 {
    YEAR_START + rng.random_range(0..YEAR_SECONDS)
}

/// A random UUID (version 4) as text.
fn uuid(rng: &mut ChaCha8Rng) -> String {
    let bits: u128 = rng.random();
    let bits = bits & !(0xF << 76) | 4 << 76;
    let bits = bits & !(0x3 << 62) | 2 << 62;
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
