using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Sluice.Resp;

internal partial struct FrameScanner
{
    private const int LongestPlainNumber = 18;
    private const int LongestPlainLength = 10;

    /// <summary>
    /// The length of the common scalars, if they are complete in these bytes and as plain as servers write them: <c>:</c>, <c>+</c>, <c>$</c>.
    /// 0 for anything else; then the machine looks.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly int MeasureScalar(ReadOnlySpan<byte> bytes)
    {
        // The shortest of them is "+\r\n"; ":1\r\n" and "$0\r\n\r\n" are longer.
        if (bytes.Length < 4)
            return 0;
        ref byte start = ref MemoryMarshal.GetReference(bytes);
        return start switch
        {
            (byte)':' => MeasureInteger(ref start, bytes.Length),
            (byte)'$' => MeasureBulk(ref start, bytes.Length),
            (byte)'+' => MeasureText(bytes),
            _ => 0,
        };
    }

    private static int MeasureInteger(ref byte start, int available)
    {
        nint at = 1;
        if (Unsafe.Add(ref start, 1) == '-')
            at = 2;
        nint first = at;
        nint last = Math.Min(available - 2, first + LongestPlainNumber);
        while (at < last && (uint)(Unsafe.Add(ref start, at) - '0') <= 9)
            at++;
        if (at == first || at > available - 2)
            return 0;
        return Unsafe.ReadUnaligned<ushort>(ref Unsafe.Add(ref start, at)) == CrLf ? (int)at + 2 : 0;
    }

    private readonly int MeasureBulk(ref byte start, int available)
    {
        nint at = 1;
        nint last = Math.Min(available - 2, 1 + LongestPlainLength);
        long length = 0;
        uint digit;
        while (at < last && (digit = (uint)(Unsafe.Add(ref start, at) - '0')) <= 9)
        {
            length = (length * 10) + digit;
            at++;
        }

        if (at == 1 || Unsafe.ReadUnaligned<ushort>(ref Unsafe.Add(ref start, at)) != CrLf || length > _plainPayload)
            return 0;
        long end = at + 2 + length;
        if (end > available - 2)
            return 0;
        return Unsafe.ReadUnaligned<ushort>(ref Unsafe.Add(ref start, (nint)end)) == CrLf ? (int)end + 2 : 0;
    }

    private readonly int MeasureText(ReadOnlySpan<byte> bytes)
    {
        ref byte start = ref MemoryMarshal.GetReference(bytes);

        // "+OK\r\n": what writes answer.
        if (bytes.Length >= 5 && Unsafe.ReadUnaligned<uint>(ref start) == PlusOkCr && Unsafe.Add(ref start, 4) == '\n')
            return 5;
        int length = bytes[1..].IndexOfAny((byte)'\r', (byte)'\n');
        if (length < 0 || length > _plainLine || length + 3 > bytes.Length)
            return 0;
        return Unsafe.ReadUnaligned<ushort>(ref Unsafe.Add(ref start, length + 1)) == CrLf ? length + 3 : 0;
    }

    private static ushort CrLf => BitConverter.IsLittleEndian ? (ushort)0x0A0D : (ushort)0x0D0A;

    private static uint PlusOkCr => BitConverter.IsLittleEndian ? 0x0D4B4F2Bu : 0x2B4F4B0Du;
}
