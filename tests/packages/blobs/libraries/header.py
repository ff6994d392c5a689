HEADER = "report: "
