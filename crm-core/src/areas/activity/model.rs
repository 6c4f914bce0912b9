//! Follow-ups as stored.

use crate::areas::access::User;
use crate::areas::opportunity::Opportunity;
use crate::areas::party::{Contact, Customer};
use crate::kernel::date::{Date, Instant};
use crate::kernel::id::Id;

crate::coded! {
    /// How the customer was reached.
    pub enum Channel {
        /// Telephone.
        Phone = 1, "phone", "电话";
        /// A visit, there or here.
        Visit = 2, "visit", "拜访";
        /// Mail.
        Mail = 3, "mail", "邮件";
        /// WeChat.
        Wechat = 4, "wechat", "微信";
        /// A meeting, also online.
        Meeting = 5, "meeting", "会议";
        /// Another way.
        Other = 6, "other", "其他";
    }
}

crate::coded! {
    /// How the next step stands.
    pub enum StepState {
        /// None was agreed.
        None = 1, "none", "无";
        /// Still to do.
        Open = 2, "open", "待办";
        /// Done.
        Done = 3, "done", "已完成";
        /// A newer follow-up took its place.
        Superseded = 4, "superseded", "已被新跟进取代";
    }
}

crate::record! {
    /// A dated contact with a customer.
    pub struct Activity, ActivityColumns in "activity" key (id) {
        /// Id.
        id: Id<Activity>,
        /// The customer.
        customer: Id<Customer>,
        /// The opportunity it was about.
        opportunity: Option<Id<Opportunity>>,
        /// The person spoken to.
        contact: Option<Id<Contact>>,
        /// How the customer was reached.
        channel: Channel,
        /// When it took place.
        at: Instant,
        /// What it was about.
        summary: String,
        /// What came of it.
        result: Option<String>,
        /// What is to be done next.
        next_step: Option<String>,
        /// By when.
        next_date: Option<Date>,
        /// How the next step stands.
        step: StepState,
        /// The same date as `next_date` while the next step is open; empty otherwise.
        open_next_date: Option<Date>,
        /// Who followed up.
        owner: Id<User>,
        /// When recorded.
        created_at: Instant,
        /// Version.
        version: u32,
    }
    index activity_customer (customer, at);
    index activity_opportunity (opportunity) where opportunity;
    index activity_owner (owner, at);
    index activity_due (open_next_date) where open_next_date;
}

crate::entity!(Activity);

impl Activity {
    /// Puts the state of the next step.
    pub fn set_step(&mut self, step: StepState) {
        self.step = step;
        self.open_next_date = self.next_date.filter(|_| step == StepState::Open);
    }
}
