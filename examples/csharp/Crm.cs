// A thin wrapper over the C ABI for .NET and Mono: each handle is a SafeHandle, so that it is given back even when an
// exception passes, and each failed call becomes a CrmException. JSON stays text; use System.Text.Json or what you like.

using System;
using System.Runtime.InteropServices;
using System.Text;

namespace Crm
{
    /// <summary>What a call came to; the numbers of crm_status.</summary>
    public enum Status
    {
        Ok = 0, Invalid = 1, NotFound = 2, Conflict = 3, State = 4, Denied = 5, Retry = 6, Cancelled = 7, Storage = 8,
        Internal = 9, End = 100
    }

    /// <summary>Why a call failed.</summary>
    public sealed class CrmException : Exception
    {
        public Status Status { get; private set; }
        /// <summary>The stable number: CRM_ERROR_… of crm.h.</summary>
        public int Code { get; private set; }
        /// <summary>The stable name.</summary>
        public string Name { get; private set; }
        /// <summary>The request field at fault, or null.</summary>
        public string Field { get; private set; }
        /// <summary>The details as a JSON object.</summary>
        public string Details { get; private set; }

        CrmException(string message) : base(message) { }

        /// <summary>Takes over an error of the library and frees it.</summary>
        internal static CrmException Take(int status, IntPtr error)
        {
            try
            {
                return new CrmException(Text.Read(Native.crm_error_message(error)))
                {
                    Status = (Status)status,
                    Code = Native.crm_error_code(error),
                    Name = Text.Read(Native.crm_error_name(error)),
                    Field = Text.Read(Native.crm_error_field(error)),
                    Details = Text.Read(Native.crm_error_details(error)),
                };
            }
            finally
            {
                Native.crm_error_free(error);
            }
        }
    }

    static class Text
    {
        /// <summary>UTF-8 with the NUL that the library expects behind names, URLs and options.</summary>
        internal static byte[] Terminated(string text)
        {
            return text == null ? null : Encoding.UTF8.GetBytes(text + "\0");
        }

        internal static string Read(IntPtr text)
        {
            if (text == IntPtr.Zero) return null;
            int length = 0;
            while (Marshal.ReadByte(text, length) != 0) length++;
            return Read(text, length);
        }

        internal static string Read(IntPtr text, int length)
        {
            byte[] bytes = new byte[length];
            Marshal.Copy(text, bytes, 0, length);
            return Encoding.UTF8.GetString(bytes);
        }

        /// <summary>The text of a result, which is freed.</summary>
        internal static string Take(IntPtr buffer)
        {
            try
            {
                return Read(Native.crm_buffer_data(buffer), checked((int)Native.crm_buffer_length(buffer).ToUInt64()));
            }
            finally
            {
                Native.crm_buffer_free(buffer);
            }
        }
    }

    static class Native
    {
        const string Library = "crm_ffi";
        const CallingConvention C = CallingConvention.Cdecl;

        [DllImport(Library, CallingConvention = C)] internal static extern int crm_abi_check(uint version, ref IntPtr error);
        [DllImport(Library, CallingConvention = C)] internal static extern IntPtr crm_version();
        [DllImport(Library, CallingConvention = C)] internal static extern UIntPtr crm_live_handles();
        [DllImport(Library, CallingConvention = C)] internal static extern int crm_error_code(IntPtr error);
        [DllImport(Library, CallingConvention = C)] internal static extern IntPtr crm_error_name(IntPtr error);
        [DllImport(Library, CallingConvention = C)] internal static extern IntPtr crm_error_field(IntPtr error);
        [DllImport(Library, CallingConvention = C)] internal static extern IntPtr crm_error_message(IntPtr error);
        [DllImport(Library, CallingConvention = C)] internal static extern IntPtr crm_error_details(IntPtr error);
        [DllImport(Library, CallingConvention = C)] internal static extern void crm_error_free(IntPtr error);
        [DllImport(Library, CallingConvention = C)] internal static extern IntPtr crm_buffer_data(IntPtr buffer);
        [DllImport(Library, CallingConvention = C)] internal static extern UIntPtr crm_buffer_length(IntPtr buffer);
        [DllImport(Library, CallingConvention = C)] internal static extern void crm_buffer_free(IntPtr buffer);
        [DllImport(Library, CallingConvention = C)] internal static extern int crm_open(byte[] url, byte[] options, ref IntPtr ledger, ref IntPtr error);
        [DllImport(Library, CallingConvention = C)] internal static extern void crm_close(IntPtr ledger);
        [DllImport(Library, CallingConvention = C)] internal static extern int crm_session_open(LedgerHandle ledger, byte[] login, byte[] options, ref IntPtr session, ref IntPtr error);
        [DllImport(Library, CallingConvention = C)] internal static extern void crm_session_close(IntPtr session);
        [DllImport(Library, CallingConvention = C)] internal static extern int crm_call(SessionHandle session, byte[] operation, byte[] input, UIntPtr length, byte[] options, ref IntPtr output, ref IntPtr error);
        [DllImport(Library, CallingConvention = C)] internal static extern void crm_cancel(SessionHandle session);
        [DllImport(Library, CallingConvention = C)] internal static extern int crm_cursor_open(SessionHandle session, byte[] operation, byte[] input, UIntPtr length, ref IntPtr cursor, ref IntPtr error);
        [DllImport(Library, CallingConvention = C)] internal static extern int crm_cursor_next(CursorHandle cursor, ref IntPtr page, ref IntPtr error);
        [DllImport(Library, CallingConvention = C)] internal static extern void crm_cursor_close(IntPtr cursor);
    }

    /// <summary>A handle of the library; the runtime gives it back once, when nothing uses it any more.</summary>
    abstract class Handle : SafeHandle
    {
        protected Handle(IntPtr handle) : base(IntPtr.Zero, true) { SetHandle(handle); }
        public override bool IsInvalid { get { return handle == IntPtr.Zero; } }
    }

    sealed class LedgerHandle : Handle
    {
        internal LedgerHandle(IntPtr handle) : base(handle) { }
        protected override bool ReleaseHandle() { Native.crm_close(handle); return true; }
    }

    sealed class SessionHandle : Handle
    {
        internal SessionHandle(IntPtr handle) : base(handle) { }
        protected override bool ReleaseHandle() { Native.crm_session_close(handle); return true; }
    }

    sealed class CursorHandle : Handle
    {
        internal CursorHandle(IntPtr handle) : base(handle) { }
        protected override bool ReleaseHandle() { Native.crm_cursor_close(handle); return true; }
    }

    /// <summary>One company's books. Thread-safe.</summary>
    public sealed class Ledger : IDisposable
    {
        /// <summary>CRM_ABI_VERSION of the header that this wrapper was written for.</summary>
        const uint AbiVersion = 1;
        readonly LedgerHandle handle;

        Ledger(IntPtr handle) { this.handle = new LedgerHandle(handle); }

        public static Ledger Open(string url, string options = null)
        {
            IntPtr ledger = IntPtr.Zero, error = IntPtr.Zero;
            int status = Native.crm_abi_check(AbiVersion, ref error);
            if (status == 0) status = Native.crm_open(Text.Terminated(url), Text.Terminated(options), ref ledger, ref error);
            if (status != 0) throw CrmException.Take(status, error);
            return new Ledger(ledger);
        }

        public Session Session(string login, string options = null)
        {
            IntPtr session = IntPtr.Zero, error = IntPtr.Zero;
            int status = Native.crm_session_open(handle, Text.Terminated(login), Text.Terminated(options), ref session, ref error);
            if (status != 0) throw CrmException.Take(status, error);
            return new Session(session);
        }

        public static string Version { get { return Text.Read(Native.crm_version()); } }
        /// <summary>Handles that the library still has open; 0 when everything was given back.</summary>
        public static ulong LiveHandles { get { return Native.crm_live_handles().ToUInt64(); } }

        public void Dispose() { handle.Dispose(); }
    }

    /// <summary>One user at a ledger. Thread-safe.</summary>
    public sealed class Session : IDisposable
    {
        readonly SessionHandle handle;

        internal Session(IntPtr handle) { this.handle = new SessionHandle(handle); }

        /// <summary>Runs an operation, JSON in and JSON out.</summary>
        public string Call(string operation, string input = "{}", string options = null)
        {
            IntPtr output = IntPtr.Zero, error = IntPtr.Zero;
            byte[] bytes = Encoding.UTF8.GetBytes(input);
            int status = Native.crm_call(handle, Text.Terminated(operation), bytes, (UIntPtr)(uint)bytes.Length,
                Text.Terminated(options), ref output, ref error);
            if (status != 0) throw CrmException.Take(status, error);
            return Text.Take(output);
        }

        /// <summary>The pages of a list operation, each as JSON.</summary>
        public System.Collections.Generic.IEnumerable<string> Pages(string operation, string input = "{}")
        {
            IntPtr cursor = IntPtr.Zero, error = IntPtr.Zero;
            byte[] bytes = Encoding.UTF8.GetBytes(input);
            int status = Native.crm_cursor_open(handle, Text.Terminated(operation), bytes, (UIntPtr)(uint)bytes.Length,
                ref cursor, ref error);
            if (status != 0) throw CrmException.Take(status, error);
            using (CursorHandle open = new CursorHandle(cursor))
            {
                for (;;)
                {
                    IntPtr page = IntPtr.Zero;
                    status = Native.crm_cursor_next(open, ref page, ref error);
                    if (status == (int)Status.End) yield break;
                    if (status != 0) throw CrmException.Take(status, error);
                    yield return Text.Take(page);
                }
            }
        }

        /// <summary>Ends what this session is running in other threads.</summary>
        public void Cancel() { Native.crm_cancel(handle); }

        public void Dispose() { handle.Dispose(); }
    }
}
