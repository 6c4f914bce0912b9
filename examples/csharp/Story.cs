// The wrapper in use: a customer, a mistake, a repeated request, a list by pages. Ends with 0 when nothing was left open.

using System;
using System.IO;

static class Story
{
    static void Check(bool holds, string what)
    {
        if (!holds) throw new InvalidOperationException("this does not hold: " + what);
        Console.WriteLine("{0,-24} ok", what);
    }

    static int Main(string[] arguments)
    {
        string url = Path.Combine(arguments[0], "csharp.crm");
        Console.WriteLine("crm {0}", Crm.Ledger.Version);
        using (Crm.Ledger ledger = Crm.Ledger.Open(url, "{\"name\": \"本公司\"}"))
        using (Crm.Session session = ledger.Session("admin", "{\"locale\": \"zh\"}"))
        {
            string customer = session.Call("customer.create", "{\"name\": \"杭州云栖仪器有限公司\"}");
            Check(customer.Contains("杭州云栖仪器有限公司"), "Chinese there and back");

            try
            {
                session.Call("customer.create", "{\"name\": \"\"}");
                Check(false, "an empty name is refused");
            }
            catch (Crm.CrmException error)
            {
                Check(error.Status == Crm.Status.Invalid && error.Name == "empty" && error.Field == "name",
                    "a mistake is an exception");
                Check(error.Message.Contains("不能为空"), "its message is Chinese");
            }

            string key = "{\"idempotency_key\": \"order-7\"}";
            string first = session.Call("customer.create", "{\"name\": \"宁波海川贸易\"}", key);
            Check(first == session.Call("customer.create", "{\"name\": \"宁波海川贸易\"}", key), "a retry writes nothing");

            int pages = 0;
            foreach (string page in session.Pages("customer.list", "{\"limit\": 1}")) pages++;
            Check(pages == 2, "two customers, two pages");

            // A cursor that is not read to its end is closed by the loop that leaves it.
            foreach (string page in session.Pages("customer.list", "{\"limit\": 1}")) break;
        }
        Check(Crm.Ledger.LiveHandles == 0, "nothing is left open");
        return 0;
    }
}
