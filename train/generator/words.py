"""Names and nouns shared by the story families."""

NAMES = ["Ana", "Ben", "Cal", "Dee", "Eli", "Fay", "Gus", "Hal", "Ida", "Jon", "Kim", "Leo", "Mia", "Ned", "Oda",
         "Pam", "Ray", "Sue", "Tom", "Uma", "Vic", "Zoe"]
THINGS = ["apples", "books", "cards", "coins", "eggs", "keys", "maps", "nuts", "pens", "pins", "shells", "stamps",
          "stones", "tickets"]
PACKS = ["bag", "box", "crate", "pack", "jar"]
GOODS = [("pen", "pens"), ("cup", "cups"), ("hat", "hats"), ("map", "maps"), ("lamp", "lamps"), ("book", "books"),
         ("ball", "balls"), ("rope", "ropes")]
