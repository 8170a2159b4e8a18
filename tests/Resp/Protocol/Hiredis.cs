using System.Runtime.InteropServices;

namespace Sluice.Resp.Tests.Protocol;

/// <summary>The reply reader of the C library hiredis, version 0.14 (Debian package libhiredis0.14; RESP2 only), as a second opinion.</summary>
internal sealed unsafe class Hiredis
{
    // Later versions lay out a reply differently; the name with the version is the promise.
    private const string Library = "libhiredis.so.0.14";

    private const int StringReply = 1;
    private const int ArrayReply = 2;
    private const int IntegerReply = 3;
    private const int NilReply = 4;
    private const int StatusReply = 5;
    private const int ErrorReply = 6;

    private readonly delegate* unmanaged[Cdecl]<void*> _create;
    private readonly delegate* unmanaged[Cdecl]<void*, byte*, nuint, int> _feed;
    private readonly delegate* unmanaged[Cdecl]<void*, Reply**, int> _getReply;
    private readonly delegate* unmanaged[Cdecl]<void*, void> _free;
    private readonly delegate* unmanaged[Cdecl]<Reply*, void> _freeReply;

    private Hiredis(nint library)
    {
        _create = (delegate* unmanaged[Cdecl]<void*>)NativeLibrary.GetExport(library, "redisReaderCreate");
        _feed = (delegate* unmanaged[Cdecl]<void*, byte*, nuint, int>)NativeLibrary.GetExport(library, "redisReaderFeed");
        _getReply = (delegate* unmanaged[Cdecl]<void*, Reply**, int>)NativeLibrary.GetExport(library, "redisReaderGetReply");
        _free = (delegate* unmanaged[Cdecl]<void*, void>)NativeLibrary.GetExport(library, "redisReaderFree");
        _freeReply = (delegate* unmanaged[Cdecl]<Reply*, void>)NativeLibrary.GetExport(library, "freeReplyObject");
    }

    public const string Unavailable = $"{Library} is not on this machine (Debian package libhiredis0.14; eng/test installs it when it may).";

    /// <summary>Null where the library is not installed.</summary>
    public static Hiredis? Load() => NativeLibrary.TryLoad(Library, out nint library) ? new Hiredis(library) : null;

    /// <summary>Reads what is complete; pieces are fed one after the other. <see cref="Outcome.Consumed"/> is not known and 0.</summary>
    public Outcome ReadAll(byte[] bytes, IReadOnlyList<int> arrivals)
    {
        void* reader = _create();
        try
        {
            List<string> values = [];
            int fed = 0;
            foreach (int arrived in arrivals)
            {
                fixed (byte* start = bytes)
                {
                    if (_feed(reader, start + fed, (nuint)(arrived - fed)) != 0)
                        return new Outcome(values, 0, Rejected: true);
                }

                fed = arrived;
                while (true)
                {
                    Reply* reply = null;
                    if (_getReply(reader, &reply) != 0)
                        return new Outcome(values, 0, Rejected: true);
                    if (reply is null)
                        break;
                    values.Add(Describe(reply));
                    _freeReply(reply);
                }
            }

            return new Outcome(values, 0, Rejected: false);
        }
        finally
        {
            _free(reader);
        }
    }

    // It has one null for both of RESP2's.
    private static string Describe(Reply* reply) => reply->Type switch
    {
        StringReply => Notation.Text('$', Content(reply)),
        StatusReply => Notation.Text('+', Content(reply)),
        ErrorReply => Notation.Text('-', Content(reply)),
        IntegerReply => Notation.Integer(reply->Integer),
        NilReply => Notation.Null,
        ArrayReply => Notation.Aggregate('*', Elements(reply)),
        _ => throw new InvalidOperationException($"hiredis returned a reply of type {reply->Type}."),
    };

    private static List<string> Elements(Reply* reply)
    {
        List<string> elements = [];
        for (nuint i = 0; i < reply->Elements; i++)
            elements.Add(Describe(reply->Element[i]));
        return elements;
    }

    private static ReadOnlySpan<byte> Content(Reply* reply) => new(reply->Text, (int)reply->Length);

    [StructLayout(LayoutKind.Sequential)]
    private struct Reply
    {
        public int Type;
        public long Integer;
        public nuint Length;
        public byte* Text;
        public nuint Elements;
        public Reply** Element;
    }
}
